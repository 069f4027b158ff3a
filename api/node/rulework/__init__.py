"""The sub-commands of `luytre rules`, by name, in the order of help. A module exports `command`, whose
parameters typer reads. See README.md."""

COMMANDS = {
    "new": "api.node.rulework.new",
    "test": "api.node.rulework.test",
    "lint": "api.node.rulework.lint",
    "check": "api.node.rulework.check",
    "list": "api.node.rulework.listing",
    "backtest": "api.node.rulework.backtest",
    "import": "api.node.rulework.bring",
    "convert": "api.node.rulework.convert",
    "diff": "api.node.rulework.diff",
    "coverage": "api.node.rulework.coverage",
    "tune": "api.node.rulework.tune",
}
