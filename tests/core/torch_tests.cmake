# Quantizers, networks and optimisers. Few binaries: each takes a second to load LibTorch.
denseshift_test(core_torch_test TORCH
  SOURCES
    quant/activation_test.cpp quant/contract_test.cpp quant/gradient_test.cpp quant/methods_test.cpp
    nn/activation_layer_test.cpp
    quant/denseshift_equality_test.cpp quant/denseshift_quantizer_test.cpp quant/policy_test.cpp
    nn/backbone_test.cpp nn/layers_test.cpp nn/model_test.cpp nn/segmentation/deeplabv3_test.cpp
    nn/detection/boxes_test.cpp nn/detection/detector_training_test.cpp nn/detection/detectors_test.cpp
    nn/detection/fcos_boxes_test.cpp nn/detection/ssd_boxes_test.cpp
    optim/ema_test.cpp optim/optimizer_test.cpp optim/torch_optim_test.cpp
    io/state_dict_test.cpp
  LINK denseshift_test_support)

denseshift_test(core_torch_oracle_test TORCH
  SOURCES quant/activation_oracle_test.cpp quant/baselines_oracle_test.cpp quant/denseshift_oracle_test.cpp
    nn/model_oracles.cpp nn/resnet_oracle_test.cpp nn/segmentation/deeplabv3_oracle_test.cpp
    nn/detection/fcos_oracle_test.cpp nn/detection/ssd_oracle_test.cpp
  LINK nlohmann_json::nlohmann_json LABELS oracle)
denseshift_regex_sources(nn/resnet_oracle_test.cpp)
