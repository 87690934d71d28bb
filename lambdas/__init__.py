"""Handlers of the Lambda functions: parse, call one function, return."""
