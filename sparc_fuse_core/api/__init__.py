"""The documented Python functions, over the same core as the command and the cloud.

Names, parameters, defaults and return shapes are a contract with code written against earlier releases; all
are imported from `sparc_fuse_core` itself. Endpoints are settings: environment variables
``SPARC_FUSE_DISCOVER_URL``, ``SPARC_FUSE_SOURCE_S3_ENDPOINT``, ``SPARC_FUSE_OUTPUT_S3_ENDPOINT`` (or
``AWS_ENDPOINT_URL``), ``SPARC_FUSE_SCICRUNCH_KEY``.
"""
