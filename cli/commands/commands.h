#pragma once
// Every command of the program; each is made by the source file of its name.

#include "cli/command.h"

namespace denseshift::cli {

[[nodiscard]] Command train_command();
[[nodiscard]] Command finetune_command();
[[nodiscard]] Command eval_command();
[[nodiscard]] Command convert_command();
[[nodiscard]] Command ablate_command();
[[nodiscard]] Command report_command();
[[nodiscard]] Command sweep_command();
/// Not listed: the scripts of --launcher=slurm call it.
[[nodiscard]] Command worker_command();
[[nodiscard]] Command runs_command();
[[nodiscard]] Command query_command();
[[nodiscard]] Command models_command();
[[nodiscard]] Command data_command();
[[nodiscard]] Command bench_command();
[[nodiscard]] Command doctor_command();

}  // namespace denseshift::cli
