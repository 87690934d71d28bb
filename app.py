"""Entry point of the CDK: ``npx cdk synth`` needs neither credentials nor Docker."""

from __future__ import annotations

from aws_cdk import App

from stacks.pipeline import add_pipeline

app = App()
add_pipeline(app)
app.synth()
