// oneDNN: matrix products and convolutions, weights reordered once into the layout that the primitive asks for,
// activations in its layout, too.

#include <omp.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "cli/peers/peer.h"

namespace denseshift::peers {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using Tag = memory::format_tag;
using Type = memory::data_type;

dnnl::engine& cpu() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::dim dim(std::size_t value) { return static_cast<memory::dim>(value); }

/// A primitive with its inputs and results in the layouts it chose.
class DnnCase : public Case {
 public:
  template <class Descriptor>
  DnnCase(const Problem& problem, bool bytes, const Descriptor& descriptor, const memory::desc& plain_x,
          const memory::desc& plain_w, memory::desc plain_y)
      : primitive_(descriptor),
        stream_(cpu()),
        plain_y_(std::move(plain_y)),
        y_(descriptor.dst_desc(), cpu()),
        x_(descriptor.src_desc(), cpu()) {
    omp_set_num_threads(problem.threads);
    const void* x = bytes ? static_cast<const void*>(problem.x8) : problem.x;
    const void* w = bytes ? static_cast<const void*>(problem.w8) : problem.w;
    fill(plain_x, x, x_);
    for (std::size_t i = 0; i < std::max<std::size_t>(problem.copies, 1); ++i) {
      weights_.emplace_back(descriptor.weights_desc(), cpu());
      fill(plain_w, w, weights_.back());
    }
    arguments_ = {{DNNL_ARG_SRC, x_}, {DNNL_ARG_DST, y_}, {DNNL_ARG_WEIGHTS, weights_.front()}};
  }

  void call(std::size_t copy) override {
    arguments_[DNNL_ARG_WEIGHTS] = weights_[copy];
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

  double output(float* y) override {
    memory plain(plain_y_, cpu(), y);
    dnnl::reorder(y_, plain).execute(stream_, y_, plain);
    stream_.wait();
    return 1;
  }

 private:
  void fill(const memory::desc& plain, const void* data, memory& target) {
    memory source(plain, cpu(), const_cast<void*>(data));
    dnnl::reorder(source, target).execute(stream_, source, target);
    stream_.wait();
  }

  dnnl::primitive primitive_;
  dnnl::stream stream_;
  memory::desc plain_y_;
  memory y_, x_;
  std::vector<memory> weights_;
  std::unordered_map<int, memory> arguments_;
};

Type x_type(bool bytes) { return bytes ? Type::u8 : Type::f32; }
Type w_type(bool bytes) { return bytes ? Type::s8 : Type::f32; }
Type y_type(bool bytes) { return bytes ? Type::s32 : Type::f32; }

// Inner product with every layout left to the library.
std::unique_ptr<Case> inner_product(const Problem& problem, bool bytes) {
  const memory::dims x = {dim(problem.m), dim(problem.k)};
  const memory::dims w = {dim(problem.n), dim(problem.k)};
  const memory::dims y = {dim(problem.m), dim(problem.n)};
  const dnnl::inner_product_forward::desc wanted(
      dnnl::prop_kind::forward_inference, memory::desc(x, x_type(bytes), Tag::any),
      memory::desc(w, w_type(bytes), Tag::any), memory::desc(y, y_type(bytes), Tag::any));
  return std::make_unique<DnnCase>(problem, bytes, dnnl::inner_product_forward::primitive_desc(wanted, cpu()),
                                   memory::desc(x, x_type(bytes), Tag::ab), memory::desc(w, w_type(bytes), Tag::ab),
                                   memory::desc(y, Type::f32, Tag::ab));
}

// The matmul primitive; activations stay in rows, which it asks for.
std::unique_ptr<Case> matmul(const Problem& problem, bool bytes) {
  const memory::dims x = {dim(problem.m), dim(problem.k)};
  const memory::dims w = {dim(problem.k), dim(problem.n)};
  const memory::dims y = {dim(problem.m), dim(problem.n)};
  const dnnl::matmul::desc wanted(memory::desc(x, x_type(bytes), Tag::ab), memory::desc(w, w_type(bytes), Tag::any),
                                  memory::desc(y, y_type(bytes), Tag::ab));
  return std::make_unique<DnnCase>(problem, bytes, dnnl::matmul::primitive_desc(wanted, cpu()),
                                   memory::desc(x, x_type(bytes), Tag::ab), memory::desc(w, w_type(bytes), Tag::ba),
                                   memory::desc(y, Type::f32, Tag::ab));
}

std::unique_ptr<Case> convolution(const Problem& problem, bool bytes, algorithm how) {
  const memory::dims x = {dim(problem.batch), dim(problem.channels), dim(problem.height), dim(problem.width)};
  const memory::dims w = {dim(problem.outputs), dim(problem.channels), dim(problem.kernel_height),
                          dim(problem.kernel_width)};
  const memory::dims y = {dim(problem.batch), dim(problem.outputs), dim(out_height(problem)), dim(out_width(problem))};
  const memory::dims padding = {dim(problem.padding), dim(problem.padding)};
  const memory::dims strides = {dim(problem.stride), dim(problem.stride)};
  const dnnl::convolution_forward::desc wanted(
      dnnl::prop_kind::forward_inference, how, memory::desc(x, x_type(bytes), Tag::any),
      memory::desc(w, w_type(bytes), Tag::any), memory::desc(y, y_type(bytes), Tag::any), strides, padding, padding);
  return std::make_unique<DnnCase>(problem, bytes, dnnl::convolution_forward::primitive_desc(wanted, cpu()),
                                   memory::desc(x, x_type(bytes), Tag::nhwc), memory::desc(w, w_type(bytes), Tag::ohwi),
                                   memory::desc(y, Type::f32, Tag::nhwc));
}

std::string version() {
  const dnnl_version_t* found = dnnl_version();
  return std::to_string(found->major) + "." + std::to_string(found->minor) + "." + std::to_string(found->patch);
}

}  // namespace

Library onednn() {
  return {
      "onednn",
      version(),
      "libdnnl-dev",
      "ONEDNN_MAX_CPU_ISA",
      {{"f32", "f32", "oneDNN inner product f32", [](const Problem& problem) { return inner_product(problem, false); }},
       {"f32-matmul", "f32", "oneDNN matmul f32", [](const Problem& problem) { return matmul(problem, false); }},
       {"u8s8", "u8", "oneDNN inner product u8 s8 s32",
        [](const Problem& problem) { return inner_product(problem, true); }},
       {"u8s8-matmul", "u8", "oneDNN matmul u8 s8 s32", [](const Problem& problem) { return matmul(problem, true); }}},
      {{"f32", "f32", "oneDNN convolution f32, its own choice",
        [](const Problem& problem) { return convolution(problem, false, algorithm::convolution_auto); }},
       {"f32-direct", "f32", "oneDNN convolution f32, direct",
        [](const Problem& problem) { return convolution(problem, false, algorithm::convolution_direct); }},
       {"f32-winograd", "f32", "oneDNN convolution f32, Winograd",
        [](const Problem& problem) { return convolution(problem, false, algorithm::convolution_winograd); }},
       {"u8s8", "u8", "oneDNN convolution u8 s8 s32",
        [](const Problem& problem) { return convolution(problem, true, algorithm::convolution_direct); }}}};
}

}  // namespace denseshift::peers
