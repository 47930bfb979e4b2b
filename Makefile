# exset: build, tests, demo. `make help` lists the targets.

# ---- settings (override on the command line or in config.mk) --------------------------------
-include config.mk
PREFIX   ?= /usr/local
BUILD    ?= build
MPICC    ?= mpicc
MPIEXEC  ?= mpirun
PYTHON   ?= /usr/bin/python3
OPT      ?= -O3 -g
ARCH     ?=
WERROR   ?=
SAN      ?=
OPENMP   ?= -fopenmp
NP       ?=
search   ?=
V        ?=
Q        := $(if $(V),,@)

# ---- libraries ------------------------------------------------------------------------------
# pkg-config names; PETSC_DIR (and PETSC_ARCH) or PKG_CONFIG_PATH point to other installations.
ifneq ($(PETSC_DIR),)
  export PKG_CONFIG_PATH := $(PETSC_DIR)/$(PETSC_ARCH)/lib/pkgconfig:$(PETSC_DIR)/lib/pkgconfig:$(PKG_CONFIG_PATH)
endif
HDF5_PC  := $(if $(shell pkg-config --exists hdf5-openmpi 2>/dev/null && echo y),hdf5-openmpi,hdf5)
PC_NAMES := PETSc fftw3 fftw3f $(HDF5_PC) libtiff-4 libpng libcjson gsl zlib
PC_CFLAGS = $(shell pkg-config --cflags $(PC_NAMES))
PC_LIBS   = $(shell pkg-config --libs $(PC_NAMES)) -ldnnl -lm

# What `make deps` installs on Debian 12 (as root or through sudo).
DEBS := gcc make pkg-config openmpi-bin libopenmpi-dev libfftw3-dev libfftw3-mpi-dev \
        libhdf5-openmpi-dev libpetsc-real-dev libtiff-dev libpng-dev zlib1g-dev libcjson-dev libgsl-dev \
        libdnnl-dev librandom123-dev python3 python3-numpy python3-h5py python3-matplotlib python3-pil python3-vtk9

# What `make lint` uses besides.
DEBS_DEV := clang-format clang libomp-dev shellcheck

# ---- flags ----------------------------------------------------------------------------------
GIT_STATE := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)
CPPFLAGS += -Iinclude -D_GNU_SOURCE
CFLAGS   += -std=c11 $(OPT) $(ARCH) -Wall -Wextra -Wshadow $(if $(WERROR),-Werror)
CFLAGS   += $(or $(OPENMP),-Wno-unknown-pragmas)
CFLAGS   += $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
LDFLAGS  += $(if $(SAN),-fsanitize=$(SAN))

# as many compilers as there are cores, where the user has not asked for a number
JOBS      = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || echo 2))

# ---- files ----------------------------------------------------------------------------------
LIB_SRC   := $(wildcard src/[!c]*/*.c src/core/*.c src/config/*.c src/coverage/*.c \
               src/calibrate/*.c src/conduct/*.c)
CLI_SRC   := $(wildcard src/cli/*.c)
TEST_SRC  := $(sort $(wildcard tests/t[0-9]*.c))
BENCH_SRC := $(sort $(wildcard tests/bench-*.c))
LIB_OBJ   := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ   := $(CLI_SRC:%.c=$(BUILD)/%.o)
TESTS     := $(TEST_SRC:%.c=$(BUILD)/%)
BENCHES   := $(BENCH_SRC:%.c=$(BUILD)/%)
LIB       := $(BUILD)/libexset.a
BIN       := $(if $(filter build,$(BUILD)),bin/exset,$(BUILD)/exset)

.PHONY: all help deps deps-dev deps-paraview demo check bench install sanitize format lint info clean \
        check-fresh check-slurm docs
.DEFAULT_GOAL := all
.SECONDARY:

# ---- build ----------------------------------------------------------------------------------
all: $(BIN) ## build the library and bin/exset

$(BIN): $(CLI_OBJ) $(LIB)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(MPICC) $(CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJ) $(LIB) $(PC_LIBS)

$(LIB): $(LIB_OBJ)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(MPICC) $(CPPFLAGS) $(PC_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# the git state enters one object only, remade when it changes
$(BUILD)/git-state: FORCE
	@mkdir -p $(@D)
	@echo '$(GIT_STATE)' | cmp -s - $@ || echo '$(GIT_STATE)' > $@
FORCE:
$(BUILD)/src/cli/cli_version.o: CPPFLAGS += -DEXSET_GIT_STATE='"$(GIT_STATE)"'
$(BUILD)/src/cli/cli_version.o: $(BUILD)/git-state
# equal noise on every machine: no fused multiply-add; errno and traps would forbid vector code
EXACT := -ffp-contract=off -fno-math-errno -fno-trapping-math
$(BUILD)/src/rng/%.o $(BUILD)/src/plane/%.o $(BUILD)/src/field/field_amplitude.o $(BUILD)/src/field/field_modes.o \
  $(BUILD)/src/coverage/%.o \
  $(BUILD)/tests/t202-rng.o $(BUILD)/tests/t211-bits-baseline.o $(BUILD)/tests/t212-bits-avx2.o: CFLAGS += $(EXACT)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TESTS:=.d) $(BENCHES:=.d)

# ---- tests ----------------------------------------------------------------------------------
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/tests/test.o $(LIB)
	@echo "  LINK  $@"
	$(Q)$(MPICC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/tests/test.o $(LIB) $(PC_LIBS)

$(BENCHES): PC_LIBS += -lfftw3f_mpi # the yardstick of transforms

tests-build: $(BIN) $(TESTS)

check: deps ## install what is missing, build, run all tests (search='t1 t6' selects, NP='1 3' ranks)
	$(Q)$(MAKE) --no-print-directory $(JOBS) tests-build
	$(Q)BUILD=$(BUILD) EXSET=$(abspath $(BIN)) MPIEXEC="$(MPIEXEC)" PYTHON=$(PYTHON) NP="$(NP)" tests/run $(search)

sanitize: ## run the tests with the address and undefined-behaviour sanitizers
	$(Q)$(MAKE) --no-print-directory check BUILD=build-san SAN=address,undefined OPT="-O1 -g" NP="$(or $(NP),1 3)"

bench: all $(BENCHES) ## measure speed, and recovery of known models: ratios to the bounds
	$(Q)BUILD=$(BUILD) EXSET=$(abspath $(BIN)) MPIEXEC="$(MPIEXEC)" PYTHON=$(PYTHON) tests/bench

check-slurm: deps ## submit the job scripts to a private SLURM of one node (packages are unpacked, not installed)
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)EXSET=$(abspath $(BIN)) MPIEXEC="$(MPIEXEC)" $(PYTHON) tests/check-slurm

check-fresh: ## try `make demo` and `make check` of this checkout in a bare Debian 12 (debootstrap, root)
	$(Q)tests/check-fresh

# ---- demo -----------------------------------------------------------------------------------
demo: deps ## install what is missing, build, run the main job on input/demo: demo/report.html
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)EXSET=$(abspath $(BIN)) MPIEXEC="$(MPIEXEC)" PYTHON=$(PYTHON) input/demo/run

# ---- packages -------------------------------------------------------------------------------
# Debian's ParaView has VTK for Python of its own, and apt-get would remove it for python3-vtk9.
deps: ## install the system packages that are missing (apt-get as root or by sudo)
	@missing=; for p in $(DEBS); do \
	   [ $$p = python3-vtk9 ] && dpkg-query -W -f='$${Status}' python3-paraview 2>/dev/null | grep -q 'install ok installed' && continue; \
	   dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
	 if [ -z "$$missing" ]; then exit 0; fi; \
	 if ! command -v apt-get >/dev/null; then echo "No apt-get here: load or install the equivalents of:$$missing"; exit 0; fi; \
	 if [ "$$(id -u)" = 0 ]; then SUDO=; elif sudo -n true 2>/dev/null; then SUDO=sudo; \
	 else echo "Not root and no sudo: load or install the equivalents of:$$missing"; exit 0; fi; \
	 echo "  APT  $$missing"; \
	 $$SUDO apt-get update -qq && \
	 $$SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >$(or $(TMPDIR),/tmp)/exset-apt.log 2>&1 \
	 || { tail -n 20 $(or $(TMPDIR),/tmp)/exset-apt.log; exit 1; }

deps-dev: ## install the tools that `make lint` uses
	$(Q)$(MAKE) --no-print-directory deps DEBS="$(DEBS_DEV)"

deps-paraview: ## install ParaView for the tests of pictures, beside python3-vtk9
	$(Q)$(MAKE) --no-print-directory deps DEBS="paraview xvfb xauth"
	$(Q)tests/setup-paraview $(BUILD)/paraview

# ---- upkeep ---------------------------------------------------------------------------------
install: all ## install program, library and headers under PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include/exset
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/exset
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libexset.a
	install -m 644 include/exset/*.h $(DESTDIR)$(PREFIX)/include/exset/

format: ## format all C sources with clang-format
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

lint: ## check format, header contracts, shell scripts
	$(Q)tests/lint

docs: all ## remake the generated parameter page
	$(Q)$(BIN) info -parameters > doc/parameters.md

info: ## print tools, flags and libraries found
	@echo "version   $(GIT_STATE)"
	@echo "MPICC     $(MPICC): $$($(MPICC) --version 2>/dev/null | head -n 1)"
	@echo "CFLAGS    $(CFLAGS)"
	@echo "CPPFLAGS  $(CPPFLAGS)"
	@for p in $(PC_NAMES); do printf '%-9s %s\n' $$p "$$(pkg-config --modversion $$p 2>&1 | head -n 1)"; done

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

clean: ## remove everything that was built
	$(Q)rm -rf build build-san bin demo
