"""The cloud part on one machine: the real state machine and handlers on an embedded AWS.

``python -m rehearsal --dataset ./folder`` needs no Docker, Node or AWS account. moto plays S3, Step
Functions and EventBridge on 127.0.0.1; functions and tasks are processes of their own.
"""
