"""Where a run computes: on one device, several, or several machines; and which rows go where."""

import dataclasses
import json
import os

import tensorflow as tf

from tfzoo.errors import UsageError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distribution:
    """A tf.distribute strategy, with this process's place in it.

    A replica is one device that computes its own rows of each global batch; every worker (process)
    has the same number of them. The worker 0 is the chief: it alone writes files.
    """

    strategy: tf.distribute.Strategy
    worker: int = 0
    num_workers: int = 1

    @property
    def is_chief(self):
        return self.worker == 0

    @property
    def num_replicas(self):
        return self.strategy.num_replicas_in_sync

    @property
    def num_local_replicas(self):
        return self.num_replicas // self.num_workers

    def scope(self):
        """Context in which variables are made, so that each replica has its copy."""
        return self.strategy.scope()

    def local(self, value):
        """The parts of a distributed value or variable, one for each replica of this process."""
        return self.strategy.experimental_local_results(value)

    def sum_over_workers(self, values):
        """Adds up a vector over the workers; every worker must call it at the same point.

        Args:
            values: list of floats, this worker's.

        Returns:
            list of floats, the same on every worker.
        """
        if self.num_workers == 1:
            return list(values)
        total = _all_reduce(self.strategy, tf.constant(values, tf.float32))
        return [float(x) / self.num_local_replicas for x in self.local(total)[0].numpy()]

    def batches(self, make_batches, rows_per_replica):
        """Distributes batches of which each worker builds its own rows only.

        Args:
            make_batches: function of (worker, num_workers, rows), with `rows` the number that one
                worker takes, to a tf.data.Dataset of dicts of tensors (rows, ...).
            rows_per_replica: int.

        Returns:
            An iterable of dicts whose values have `rows_per_replica` rows on each replica.
        """
        replicas = self.num_local_replicas

        def split(batch):
            return {name: _in_parts(x, replicas, rows_per_replica) for name, x in batch.items()}

        def pipeline(_):
            batches = make_batches(self.worker, self.num_workers, replicas * rows_per_replica)
            if replicas == 1:
                return batches
            options = tf.data.Options()
            options.autotune.enabled = False  # Its teardown may take ten seconds.
            return batches.map(split).unbatch().prefetch(2 * replicas).with_options(options)

        return self.strategy.distribute_datasets_from_function(pipeline)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """What a Distribution will be, told before TensorFlow's runtime has started.

    Attributes:
        kind: "none", "mirrored" or "multi_worker".
        worker, num_workers, num_local_replicas: as of a Distribution.
    """

    kind: str
    worker: int = 0
    num_workers: int = 1
    num_local_replicas: int = 1

    @property
    def num_replicas(self):
        return self.num_workers * self.num_local_replicas


def _in_parts(x, num_parts, num_rows):
    """(num_parts * num_rows, ...) as (num_parts, num_rows, ...); rows may be of unknown length."""
    shape = tf.concat([[num_parts, num_rows], tf.shape(x)[1:]], 0)
    return tf.ensure_shape(tf.reshape(x, shape), [num_parts, num_rows, *x.shape[1:]])


def create(config, environ=os.environ):
    """Makes the distribution that `--strategy` and its companions ask for.

    Call it before any TensorFlow operation runs: logical devices and the connection to the other
    workers can only be set up then.

    Args:
        config: TrainConfig.
        environ: mapping; its `TF_CONFIG` names the workers.

    Raises:
        UsageError: when flags and machine do not fit together.
    """
    place = check(config, environ)
    if place.kind == "multi_worker":
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        distribution = Distribution(
            strategy=strategy, worker=place.worker, num_workers=place.num_workers
        )
    elif place.kind == "mirrored":
        if config.num_virtual_devices > 1:
            _set_virtual_devices(config.num_virtual_devices)
        distribution = Distribution(strategy=tf.distribute.MirroredStrategy(_devices(config)))
    else:
        distribution = Distribution(strategy=tf.distribute.get_strategy())
    check_batch(config, distribution.num_replicas)
    return distribution


def check(config, environ=os.environ):
    """Settles `--strategy=auto` and finds what cannot work, without starting TensorFlow's runtime.

    Returns:
        `Place`.

    Raises:
        UsageError: naming the flags that do not fit.
    """
    cluster = _read_cluster(environ.get("TF_CONFIG"))
    devices = _devices(config)
    kind = config.strategy
    if kind == "auto":
        several = cluster is not None and cluster.num_workers > 1
        kind = "multi_worker" if several else "mirrored" if len(devices) > 1 else "none"
    if kind == "multi_worker" and cluster is None:
        raise UsageError(
            "--strategy=multi_worker needs the environment variable TF_CONFIG, which names the "
            "workers and this one's place among them. Set it, or take --strategy=auto."
        )
    if kind != "mirrored" and config.num_virtual_devices > 1:
        raise UsageError(
            f"--num_virtual_devices={config.num_virtual_devices} works with --strategy=mirrored "
            f"only. Received: --strategy={config.strategy}, here {kind}."
        )
    place = Place(kind=kind, num_local_replicas=1 if kind == "none" else len(devices))
    if kind == "multi_worker":
        place = dataclasses.replace(place, worker=cluster.worker, num_workers=cluster.num_workers)
    if config.jit == "true" and place.num_replicas > 1:
        raise UsageError(
            "--jit=true compiles the whole step, which works on one device only. "
            f"Take --jit=auto. Received: {place.num_replicas} devices."
        )
    check_batch(config, place.num_replicas)
    return place


def check_batch(config, num_replicas):
    """Raises UsageError unless the rows of a step divide evenly."""
    rows, microbatches = config.global_batch_size, config.num_microbatches
    if rows < 1 or microbatches < 1 or rows % (num_replicas * microbatches):
        raise UsageError(
            f"--global_batch_size={rows} must be a multiple of the number of devices times "
            f"--num_microbatches, here {num_replicas} x {microbatches}."
        )


@dataclasses.dataclass(frozen=True)
class Cluster:
    """This worker's number, the chief's being 0, and how many there are."""

    worker: int
    num_workers: int


def _read_cluster(text):
    """TF_CONFIG -> Cluster, or None if it is unset or names no cluster."""
    if not text or not text.strip():
        return None
    try:
        value = json.loads(text)
        jobs = value.get("cluster") or {}
        if not jobs:
            return None
        sizes = {job: len(jobs[job]) for job in jobs}
        job, index = value["task"]["type"], int(value["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            'The environment variable TF_CONFIG must be JSON like {"cluster": {"worker": '
            '["host:port", ...]}, "task": {"type": "worker", "index": 0}}. '
            f"Received: {text!r} ({error!r})."
        ) from error
    unknown = {*sizes, job} - {"chief", "worker"}
    if unknown or not 0 <= index < sizes.get(job, 0) or sizes.get("chief", 0) > 1:
        raise UsageError(
            "The environment variable TF_CONFIG must have the jobs worker and at most one chief, "
            f"and a task among them. Received: jobs {sizes}, task {job} {index}."
        )
    first = sizes.get("chief", 0) if job == "worker" else 0
    return Cluster(first + index, sum(sizes.values()))


def _devices(config):
    """Names of this process's devices: virtual ones if asked for, else all GPUs, else the CPU."""
    if config.num_virtual_devices > 1:
        return [f"CPU:{i}" for i in range(config.num_virtual_devices)]
    return [f"GPU:{i}" for i in range(len(tf.config.list_physical_devices("GPU")))] or ["CPU:0"]


def _set_virtual_devices(count):
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or ()) == count:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        )
    except RuntimeError as error:
        raise UsageError(
            f"--num_virtual_devices={count} must be set before TensorFlow starts: "
            "begin a new process."
        ) from error


@tf.function(autograph=False, reduce_retracing=True)
def _all_reduce(strategy, values):
    def replica(values):
        own = tf.identity(values)  # It has a device; the function's argument has none.
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)

    return strategy.run(replica, args=(values,))
