"""Node types and runtime versions that a workspace offers. A sample: all of them run on this machine."""

from databricks_local.api.bodies import Json

# Names and shape as of the public release notes and the SDK's tests; LTS versions, one that is not, one ML.
SPARK_VERSIONS = {
    "13.3.x-scala2.12": "13.3 LTS (includes Apache Spark 3.4.1, Scala 2.12)",
    "14.3.x-scala2.12": "14.3 LTS (includes Apache Spark 3.5.0, Scala 2.12)",
    "15.4.x-scala2.12": "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)",
    "15.4.x-cpu-ml-scala2.12": "15.4 LTS ML (includes Apache Spark 3.5.0, Scala 2.12)",
    "16.4.x-scala2.12": "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)",
    "17.3.x-scala2.13": "17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)",
}

_NODE_TYPES = (
    # id, memory in MB, cores, category, GB of local disk, GPUs
    ("i3.xlarge", 31_232, 4.0, "Storage Optimized", 950, 0),
    ("i3.2xlarge", 62_464, 8.0, "Storage Optimized", 1_900, 0),
    ("m5d.large", 8_192, 2.0, "General Purpose", 75, 0),
    ("m5d.xlarge", 16_384, 4.0, "General Purpose", 150, 0),
    ("r5d.xlarge", 32_768, 4.0, "Memory Optimized", 150, 0),
    ("c5d.2xlarge", 16_384, 8.0, "Compute Optimized", 200, 0),
    ("g4dn.xlarge", 16_384, 4.0, "GPU Accelerated", 125, 1),
    ("Standard_DS3_v2", 14_336, 4.0, "General Purpose", 28, 0),
)


def spark_versions() -> list[Json]:
    """What `clusters/spark-versions` lists."""
    return [{"key": key, "name": name} for key, name in SPARK_VERSIONS.items()]


def node_types() -> list[Json]:
    """What `clusters/list-node-types` lists."""
    return [
        {
            "node_type_id": name,
            "memory_mb": memory,
            "num_cores": cores,
            "num_gpus": gpus,
            "description": name,
            "instance_type_id": name,
            "category": category,
            "is_deprecated": False,
            "is_encrypted_in_transit": False,
            "is_graviton": False,
            "is_hidden": False,
            "is_io_cache_enabled": category == "Storage Optimized",
            "photon_driver_capable": gpus == 0,
            "photon_worker_capable": gpus == 0,
            "support_cluster_tags": True,
            "support_ebs_volumes": True,
            "support_port_forwarding": True,
            "node_instance_type": {
                "instance_type_id": name,
                "local_disks": 1,
                "local_disk_size_gb": disk,
                "local_nvme_disks": 0,
                "local_nvme_disk_size_gb": 0,
            },
        }
        for name, memory, cores, category, disk, gpus in _NODE_TYPES
    ]
