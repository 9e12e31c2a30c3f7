denseshift_library(core
  SOURCES
    io/state_dict.cpp
    nn/activation_layer.cpp nn/backbone.cpp
    nn/detection/boxes.cpp nn/detection/detector.cpp nn/detection/fcos.cpp nn/detection/fcos_boxes.cpp
    nn/detection/ssd.cpp nn/detection/ssd_boxes.cpp
    nn/layers.cpp nn/model.cpp nn/models/resnet.cpp nn/models/resnet_body.cpp
    nn/segmentation/deeplabv3.cpp nn/segmentation/loss.cpp nn/transfer.cpp
    optim/ema.cpp optim/optimizer.cpp
    quant/activation.cpp quant/activations/hwgq.cpp quant/activations/lq_nets.cpp quant/activations/pact.cpp
    quant/activations/step_function.cpp
    quant/denseshift_autograd.cpp quant/denseshift_quantizer.cpp quant/fp32.cpp quant/methods.cpp quant/policy.cpp quant/quantizer.cpp
    quant/methods/binary.cpp quant/methods/bwhn.cpp quant/methods/deepshift.cpp quant/methods/inq.cpp quant/methods/ir_net.cpp
    quant/methods/learned_scale.cpp quant/methods/lq_nets.cpp quant/methods/lr_net.cpp quant/methods/sq_twn.cpp quant/methods/ste_pot.cpp
    quant/methods/ternary.cpp quant/row_statistics.cpp quant/stored_weight.cpp quant/zero_free.cpp
  LINK denseshift::util denseshift::kernels denseshift::io denseshift::metrics denseshift::optim_schedule denseshift_torch fmt::fmt)
if(DENSESHIFT_PCH)
  target_precompile_headers(denseshift_core PRIVATE <ATen/ATen.h> <torch/nn/module.h> <string> <vector>)
endif()
