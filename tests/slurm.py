"""A private SLURM of one node for the time of a check: daemons, keys, ports and files of its own in a temporary folder.

Programs on PATH are taken; where they are missing, Debian's packages are downloaded and unpacked into the folder: nothing is
installed and nothing in /etc is read or written, so that neither root nor systemd nor control groups are needed."""
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PACKAGES = ["munge", "slurm-client", "slurmctld", "slurmd"]
DAEMONS = ["munged", "slurmctld", "slurmd", "slurmstepd"]
CLIENTS = ["sbatch", "scontrol", "scancel", "sinfo", "srun"]
ENDED = ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "BOOT_FAIL", "DEADLINE"]
CONF = """\
ClusterName=exset
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={top}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={top}/state
SlurmdSpoolDir={top}/spool
SlurmctldPidFile={top}/slurmctld.pid
SlurmdPidFile={top}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault={mpi}
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=100000
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=100000 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Unavailable(Exception):
    """SLURM cannot be had here; the text says why."""


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def call(command, **options):
    """Standard output of a command that must succeed."""
    r = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    if r.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {r.returncode}: {(r.stderr or r.stdout).strip()}")
    return r.stdout


class Slurm:
    def __init__(self, cpus):
        self.top = tempfile.mkdtemp(prefix="exset-slurm.")
        self.daemons = []
        self.env = dict(os.environ, SLURM_CONF=f"{self.top}/slurm.conf")
        for name in [name for name in self.env if name.startswith(("SLURM_", "SBATCH_")) and name != "SLURM_CONF"]:
            del self.env[name]  # of a job in which this may run
        self.env["PATH"] += ":/usr/sbin:/sbin"
        self.plugins = None  # folder of SLURM's plug-ins, where it is not the usual one
        try:
            self._find_programs()
            self._start(cpus)
        except (RuntimeError, OSError, subprocess.SubprocessError) as e:
            self.stop()
            raise Unavailable(str(e).replace("\n", " ")) from e
        except BaseException:
            self.stop()
            raise

    # ---- programs ---------------------------------------------------------------------------
    def program(self, name):
        """Path of a program; Debian's daemons have the ending -wlm, for which its installation has links."""
        return shutil.which(name, path=self.env["PATH"]) or shutil.which(name + "-wlm", path=self.env["PATH"])

    def _find_programs(self):
        missing = [name for name in DAEMONS[:3] + CLIENTS if not self.program(name)]
        if missing:
            self._unpack(missing)

    def _unpack(self, missing):
        """Debian's packages, and those they need and that are not installed, below top/root."""
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise Unavailable(f"no {missing[0]}, and no apt-get to fetch it")
        debs, root = f"{self.top}/debs", f"{self.top}/root"
        os.mkdir(debs)
        try:
            self._download(debs)
        except RuntimeError as e:  # no package lists yet, or old ones
            sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
            if subprocess.run([*sudo, "apt-get", "update", "-qq"], capture_output=True, check=False).returncode != 0:
                raise Unavailable(f"packages of SLURM: {e}") from e
            self._download(debs)
        for deb in glob.glob(f"{debs}/*.deb"):
            call(["dpkg-deb", "-x", deb, root])
        lib = f"{root}/usr/lib/{call(['dpkg-architecture', '-qDEB_HOST_MULTIARCH']).strip()}" \
            if shutil.which("dpkg-architecture") else glob.glob(f"{root}/usr/lib/*-linux-*")[0]
        self.plugins = f"{lib}/slurm-wlm"
        self.env["PATH"] = f"{root}/usr/bin:{root}/usr/sbin:{self.env['PATH']}"
        self.env["LD_LIBRARY_PATH"] = f"{self.plugins}:{lib}:{self.env.get('LD_LIBRARY_PATH', '')}".rstrip(":")

    def _download(self, folder):
        plan = call(["apt-get", "install", "-s", "--no-install-recommends", *PACKAGES])
        names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
        # packages that are already there are of no use to a plan, but wanted here where they are installed in part
        call(["apt-get", "download", "-qq", *sorted(set(names))], cwd=folder)

    # ---- daemons ----------------------------------------------------------------------------
    def _start(self, cpus):
        host = socket.gethostname().split(".")[0]
        for name in ("munge", "state", "spool"):
            os.mkdir(f"{self.top}/{name}", 0o700)
        with open(f"{self.top}/munge/key", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(os.urandom(128))
        folders = [self.plugins] if self.plugins else glob.glob("/usr/lib/*/slurm-wlm") + glob.glob("/usr/lib*/slurm")
        self.pmix = any(glob.glob(f"{folder}/mpi_pmix*.so") for folder in folders)
        conf = CONF.format(host=host, ports=free_ports(2), user=call(["id", "-un"]).strip(), top=self.top, cpus=cpus,
                           mpi="pmix" if self.pmix else "none")
        with open(f"{self.top}/slurm.conf", "w", encoding="utf-8") as out:
            out.write(conf + (f"PluginDir={self.plugins}\n" if self.plugins else ""))
        munge = f"{self.top}/munge"
        self._daemon("munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={munge}/key",
                     f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed")
        self._daemon("slurmctld", "-D", "-c")
        stepd = ["-d", self.program("slurmstepd")] if self.program("slurmstepd") else []
        self._daemon("slurmd", "-D", "-c", *stepd)
        end = time.monotonic() + 30
        while subprocess.run([self.program("sinfo"), "-h", "-o", "%T"], env=self.env, capture_output=True, text=True,
                             check=False).stdout.strip() != "idle":
            dead = [name for name, process in self.daemons if process.poll() is not None]
            if dead or time.monotonic() > end:
                raise RuntimeError(f"{dead[0] if dead else 'the node'} did not start: {self._complaint(dead)}")
            time.sleep(0.2)

    def _daemon(self, name, *arguments):
        """A daemon in the foreground, in a session of its own, that ends when this process is killed."""
        with open(f"{self.top}/{name}.log", "wb") as log:
            self.daemons.append((name, subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", self.program(name), *arguments], env=self.env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=self.top)))

    def _complaint(self, dead):
        """The last lines in which a daemon that ended, or any, speaks of an error."""
        found = []
        for name in dead or [name for name, _ in self.daemons]:
            with open(f"{self.top}/{name}.log", encoding="utf-8", errors="replace") as log:
                found += [line.strip() for line in log if "error" in line.lower() or "fatal" in line.lower()]
        return "; ".join(found[-3:]) or "no message"

    def stop(self):
        """End jobs, then daemons, then whatever still runs with this folder's SLURM_CONF; remove the folder."""
        if len(self.daemons) == 3:
            subprocess.run([self.program("scancel"), "--state=PENDING,RUNNING,SUSPENDED", "-f", "--full", "-u", call(["id", "-un"]).strip()],
                           env=self.env, capture_output=True, timeout=20, check=False)
            end = time.monotonic() + 10
            while self._children() and time.monotonic() < end:
                time.sleep(0.1)
        for _, process in reversed(self.daemons):
            process.terminate()
        for _, process in reversed(self.daemons):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in self._children():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.top, ignore_errors=True)

    def _children(self):
        """Processes of jobs: those whose environment names this configuration, without the daemons and slurmctld's helper."""
        mark = f"SLURM_CONF={self.top}/slurm.conf\0".encode()
        daemons = {process.pid for _, process in self.daemons}
        found = []
        for path in glob.glob("/proc/[0-9]*"):
            pid = int(path.split("/")[2])
            try:
                with open(f"{path}/environ", "rb") as environment, open(f"{path}/cmdline", "rb") as command:
                    if pid not in daemons and mark in environment.read() + b"\0" and b"slurmscriptd" not in command.read():
                        found.append(pid)
            except OSError:
                pass  # ended, or another user's
        return found

    # ---- jobs -------------------------------------------------------------------------------
    def submit(self, script, *arguments, folder, options=(), settings=None):
        """sbatch; the number of the job."""
        command = [self.program("sbatch"), "--parsable", *options, script, *arguments]
        return call(command, cwd=folder, env={**self.env, **(settings or {})}).strip().split(";")[0]

    def show(self, job):
        """Tasks of a job (one, or those of an array): dictionaries of scontrol's words."""
        text = call([self.program("scontrol"), "-o", "show", "job", job], env=self.env)
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in text.splitlines() if line]

    def wait(self, job, seconds):
        """Until all tasks have ended; what show() says then. Cancels the job and raises TimeoutError where it takes too long."""
        end = time.monotonic() + seconds
        while True:
            tasks = self.show(job)
            if all(task["JobState"] in ENDED for task in tasks):
                return tasks
            if time.monotonic() > end:
                self.control("scancel", job)
                raise TimeoutError(f"job {job} is {tasks[0]['JobState']} ({tasks[0]['Reason']}) after {seconds} s")
            time.sleep(0.2)

    def control(self, program, *arguments):
        return call([self.program(program), *arguments], env=self.env)
