"""What a server is told about an export: under which name it is, and how requests are joined."""

from pathlib import Path

MODELS = """\
# tensorflow_model_server --model_config_file=...
# base_path is the folder of the versions; a variant of a model is a model of its own.
model_config_list {{
{models}}}
"""
MODEL = """\
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
"""
BATCHING = """\
# tensorflow_model_server --enable_batching --batching_parameters_file=...
# Requests that come within 5 ms are answered together; a row is what it would be alone.
max_batch_size { value: 32 }
batch_timeout_micros { value: 5000 }
max_enqueued_batches { value: 100 }
num_batch_threads { value: 2 }
"""


def write_configuration(folder, model_names):
    """Writes `models.config` and `batching_parameters.txt` into the folder of a SavedModel.

    Args:
        folder: path.
        model_names: list of str, under which it and its variants will be served.
    """
    models = "".join(MODEL.format(name=name) for name in model_names)
    Path(folder, "models.config").write_text(MODELS.format(models=models))
    Path(folder, "batching_parameters.txt").write_text(BATCHING)
