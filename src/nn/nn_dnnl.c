/* oneDNN's objects with checked calls. */
#include "nn_impl.h"

#include <dlfcn.h>
#include <dnnl_debug.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

int nn_check(exset_ctx_t *ctx, dnnl_status_t status, const char *file, int line) {
  if (status == dnnl_success) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_LOCAL, "oneDNN: %s (%s:%d, rank %d)", dnnl_status2str(status),
                    file, line, ctx->rank);
}

/*
 * oneDNN asks the OpenMP runtime it was linked with for the number of threads, all cores where OMP_NUM_THREADS is not
 * set; each rank would start as many. The runtime's own functions are looked up in the process, so that neither compiler needs
 * OpenMP and any runtime will do; the number is put back for other users of that runtime. A oneDNN without OpenMP has none, and
 * nothing is set.
 */
int nn_threads_one(void) {
  int (*get)(void) = NULL;
  void (*set)(int) = NULL;
  *(void **)&get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
  *(void **)&set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (!get || !set) return 0;
  const int threads = get();
  if (threads != 1) set(1);
  return threads;
}

void nn_threads_restore(int threads) {
  void (*set)(int) = NULL;
  if (threads <= 1) return;
  *(void **)&set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (set) set(threads);
}

int nn_layout(exset_nn_t *nn, int n_dims, const int64_t *dims, bool any, nn_tensor_t *tensor) {
  static const dnnl_format_tag_t plain[] = {dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd};
  return EXSET_DNN(nn->ctx,
                   dnnl_memory_desc_init_by_tag(&tensor->desc, n_dims, dims, dnnl_f32,
                                                any ? dnnl_format_tag_any : plain[n_dims - 1]));
}

int nn_memory(exset_nn_t *nn, void *data, nn_tensor_t *tensor) {
  return EXSET_DNN(nn->ctx, dnnl_memory_create(&tensor->memory, &tensor->desc, nn->engine, data));
}

float *nn_data(const nn_tensor_t *tensor) {
  void *data = NULL;
  return dnnl_memory_get_data_handle(tensor->memory, &data) == dnnl_success ? data : NULL;
}

int nn_point(exset_nn_t *nn, nn_tensor_t *tensor, const float *data) {
  return EXSET_DNN(nn->ctx, dnnl_memory_set_data_handle(tensor->memory, (void *)(uintptr_t)data));
}

int nn_wanted(exset_nn_t *nn, const_dnnl_primitive_desc_t pd, dnnl_query_t what,
              nn_tensor_t *tensor) {
  const dnnl_memory_desc_t *desc = dnnl_primitive_desc_query_md(pd, what, 0);
  if (!desc) return EXSET_DNN(nn->ctx, dnnl_unimplemented);
  tensor->desc = *desc;
  return EXSET_OK;
}

int nn_op_create(exset_nn_t *nn, const_dnnl_primitive_desc_t pd, nn_op_t *op) {
  op->n = 0;
  return EXSET_DNN(nn->ctx, dnnl_primitive_create(&op->primitive, pd));
}

void nn_op_argument(nn_op_t *op, int which, const nn_tensor_t *tensor) {
  op->arg[op->n++] = (dnnl_exec_arg_t){which, tensor->memory};
}

int nn_op_reorder(exset_nn_t *nn, const nn_tensor_t *from, const nn_tensor_t *to, nn_op_t *op) {
  dnnl_primitive_desc_t pd = NULL;
  EXSET_TRY(EXSET_DNN(nn->ctx, dnnl_reorder_primitive_desc_create(&pd, &from->desc, nn->engine,
                                                                  &to->desc, nn->engine, NULL)));
  const int err = nn_op_create(nn, pd, op);
  dnnl_primitive_desc_destroy(pd);
  if (err) return err;
  nn_op_argument(op, DNNL_ARG_FROM, from);
  nn_op_argument(op, DNNL_ARG_TO, to);
  return EXSET_OK;
}

int nn_op_run(exset_nn_t *nn, const nn_op_t *op) {
  if (!op->primitive) return EXSET_OK;
  return EXSET_DNN(nn->ctx, dnnl_primitive_execute(op->primitive, nn->stream, op->n, op->arg));
}

int nn_op_run_with(exset_nn_t *nn, const nn_op_t *op, const nn_tensor_t *place[],
                   const nn_tensor_t *other[], int n) {
  nn_op_t changed = *op;
  for (int i = 0; i < changed.n; i++)
    for (int k = 0; k < n; k++)
      if (op->arg[i].memory == place[k]->memory) changed.arg[i].memory = other[k]->memory;
  return nn_op_run(nn, &changed);
}

void nn_op_clear(nn_op_t *op) {
  if (op->primitive) dnnl_primitive_destroy(op->primitive);
  memset(op, 0, sizeof *op);
}

void nn_tensor_clear(nn_tensor_t *tensor) {
  if (tensor->memory) dnnl_memory_destroy(tensor->memory);
  memset(tensor, 0, sizeof *tensor);
}

const char *exset_nn_version(void) {
  return TEXT(DNNL_VERSION_MAJOR) "." TEXT(DNNL_VERSION_MINOR) "." TEXT(DNNL_VERSION_PATCH);
}
