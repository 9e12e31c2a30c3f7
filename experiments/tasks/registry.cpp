#include "experiments/tasks/task.h"

namespace denseshift::experiments {

const Registry<TaskKind>& tasks() {
  static const Registry<TaskKind> registry = [] {
    Registry<TaskKind> r("task");
    r.add("classification", "one class for each picture: top-1, top-5", {make_classification, "resnet18"});
    r.add("detection", "boxes with a class each: COCO's twelve numbers", {make_detection, "fcos_resnet50_fpn"});
    r.add("segmentation", "a class for each pixel: mIoU, global correct", {make_segmentation, "deeplabv3_resnet50"});
    r.add("speech", "the intent of a spoken command: accuracy of intents and slots", {make_speech, "resnet18"});
    return r;
  }();
  return registry;
}

}  // namespace denseshift::experiments
