// Verbs about the coordinator and its workers: serve, workers, drain, undrain, backup, gc; and the catalogue.
#include "coordinator/cli/verb_list.h"

namespace autonorm::cli {

void VerbList::add_serve() {
  auto serve = add<Serve>("serve", "run the coordinator: keeps the state and hands trials to workers",
                          "serve --listen 0.0.0.0:50551 --state ./runs");
  serve->listen = defaults_.coordinator;
  verb()
      .add_option("--listen", serve->listen, "address to listen on; port 0 takes any free one")
      ->type_name("ADDR")
      ->capture_default_str();
  state_flag(serve->state);
  liveness_flags(*serve);
  keep_flag(serve->keep_checkpoints, "checkpoints kept per trial that may train again, 1 to 1000")
      .capture_default_str();
  verb()
      .add_option("--max-artifact-gib", serve->max_artifact_gib,
                  "bound on kept checkpoints and models; beyond it older checkpoints go, then models of finished "
                  "trials; what a trial needs stays; 0 = unbounded")
      ->type_name("G")
      ->check(number_in(0, 1e9, "a number from 0 to 1e9"))
      ->capture_default_str();
}

void VerbList::liveness_flags(Serve& serve) {
  verb()
      .add_option("--lease", serve.lease_s, "seconds of silence after which a worker counts as lost")
      ->type_name("S")
      ->check(CLI::Range(0.5, 3600.0).description(""))
      ->capture_default_str();
  verb()
      .add_option("--heartbeat", serve.heartbeat_s,
                  "seconds between a worker's signs of life; at most a third of --lease")
      ->type_name("S")
      ->check(CLI::Range(0.1, 1200.0).description(""))
      ->capture_default_str();
  verb()
      .add_option("--quarantine-crashes", serve.quarantine_crashes,
                  "trials whose trainers may crash on one worker in 10 min before it gets no more; 0 = any number")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000).description(""))
      ->capture_default_str();
  verb().callback([&serve] {
    if (serve.heartbeat_s * 3 <= serve.lease_s) return;
    throw CLI::ValidationError("--heartbeat", cat(serve.heartbeat_s, " s is more than a third of --lease ",
                                                  serve.lease_s, " s: one lost message would cost a worker its lease"));
  });
}

void VerbList::add_drain() {
  auto drain = add<DrainWorker>("drain", "start nothing more on a worker; what it trains goes on to its end",
                                "drain node7 --now");
  worker_argument(drain->worker);
  verb().add_flag_callback(
      "--now", [drain] { drain->drain = engine::Drain::kNow; },
      "what it trains writes a checkpoint and goes on elsewhere");
  coordinator_flag();
}

void VerbList::add_undrain() {
  auto undrain = add<DrainWorker>("undrain", "use a drained worker again", "undrain node7");
  undrain->drain = engine::Drain::kNo;
  worker_argument(undrain->worker);
  coordinator_flag();
}

void VerbList::worker_argument(std::string& worker) {
  verb()
      .add_option("WORKER", worker, "id of a worker, the start of it, or a host: all its workers")
      ->required()
      ->type_name("");
}

void VerbList::add_workers() {
  auto workers = add<Workers>("workers", "list the workers and what each is doing", "workers");
  output_flag(workers->output);
  coordinator_flag();
}

void VerbList::add_backup() {
  auto backup = add<Backup>("backup", "copy the database of the running coordinator; work goes on meanwhile",
                            "backup /backups/autonorm-monday.db");
  verb()
      .add_option("FILE", backup->file,
                  "new file on the coordinator's machine; read it with: report --db FILE. Checkpoints and models "
                  "(the folder artifacts/) are not in it")
      ->required()
      ->type_name("");
  coordinator_flag();
}

CLI::Option& VerbList::keep_flag(int& keep, const std::string& help) {
  return *verb()
              .add_option("--keep-checkpoints", keep, help)
              ->type_name("K")
              ->check(CLI::Range(1, 1000).description(""));
}

void VerbList::add_gc() {
  auto gc = add<CollectGarbage>(
      "gc", "show which checkpoints, models and leftovers no trial needs; with --yes, remove them", "gc --yes");
  verb().add_flag("--yes", gc->yes,
                  "remove them; without it nothing is changed. What came within the last hour stays while something "
                  "may still be on its way");
  keep_flag(gc->keep_checkpoints, "checkpoints kept per trial that may train again, 1 to 1000; else as serve says");
  verb().add_flag("--models", gc->models,
                  "also the models of finished trials that no other trial needs; a stage whose model is gone trains "
                  "again when a later sweep needs it");
  coordinator_flag();
}

void VerbList::add_catalogue() {
  auto catalogue = add<Catalogue>(
      "catalogue", "what a sweep file can choose from: kinds, keys, ranges, defaults; needs no coordinator",
      "catalogue dyt");
  verb()
      .add_option("KIND", catalogue->what,
                  "norms, gates, models, data, optimizers, schedules, losses, devices or metrics; a kind such as dyt; "
                  "a table or key such as train or train.lr; without it, everything")
      ->type_name("");
  output_flag(catalogue->output);
}

}  // namespace autonorm::cli
