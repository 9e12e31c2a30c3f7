# The part of the program that needs LibTorch, opened on demand (see torch_module.h).
add_library(denseshift_torch_module MODULE
  torch/bench_train.cpp torch/convert.cpp torch/doctor.cpp torch/eval.cpp torch/models.cpp torch/models_methods.cpp
  torch/module.cpp torch/resolve.cpp torch/score_text.cpp torch/train.cpp)
set_target_properties(denseshift_torch_module PROPERTIES OUTPUT_NAME denseshift_torch)
target_link_libraries(denseshift_torch_module PRIVATE denseshift::bench denseshift::cli denseshift::experiments)
denseshift_own(denseshift_torch_module)
denseshift_uses_torch(denseshift_torch_module)
# Building the program builds the module, too.
add_dependencies(denseshift denseshift_torch_module)
install(TARGETS denseshift_torch_module LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/denseshift)
