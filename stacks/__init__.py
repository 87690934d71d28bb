"""The AWS stack, with the AWS CDK. It names the other packages' files and imports none of them."""
