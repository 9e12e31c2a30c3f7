denseshift_library(experiments
  SOURCES
    bench/torch_sgd.cpp bench/train_bench.cpp
    hooks/followed_layers.cpp hooks/recorder.cpp hooks/weight_stats.cpp hooks/weight_trace.cpp
    run/environment.cpp run/heartbeat.cpp run/pretrained.cpp run/run_directory.cpp run/train_run.cpp run/trained_network.cpp run/convert_run.cpp run/eval_output.cpp run/eval_run.cpp run/recognition.cpp
    tasks/classification.cpp tasks/detection.cpp tasks/registry.cpp tasks/segmentation.cpp tasks/speech.cpp
    trainer/checkpoint.cpp trainer/evaluate.cpp trainer/resolve.cpp trainer/score.cpp trainer/setup.cpp trainer/trainer.cpp
  LINK denseshift::config denseshift::core denseshift::data denseshift::logs denseshift::metrics denseshift::plot denseshift::results_db)
target_compile_options(denseshift_experiments PRIVATE $<$<CONFIG:Release>:-O2>)
denseshift_uses_torch(denseshift_experiments)
