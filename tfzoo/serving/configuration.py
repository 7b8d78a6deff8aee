"""What a server is told about an export: under which name it is, and how requests are joined."""

from pathlib import Path

MODELS = """\
# tensorflow_model_server --model_config_file=...
# base_path is the folder of the versions.
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
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


def write_configuration(folder, model_name):
    """Writes `models.config` and `batching_parameters.txt` into the folder of a SavedModel."""
    Path(folder, "models.config").write_text(MODELS.format(name=model_name))
    Path(folder, "batching_parameters.txt").write_text(BATCHING)
