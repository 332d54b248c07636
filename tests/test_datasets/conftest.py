"""Fixtures of the tests of datasets."""

import pytest


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Messages that datasets log when they are loaded."""
    messages: list[str] = []
    monkeypatch.setattr(
        'mmsxm.datasets.xray_dataset.print_log', lambda text, *args, **kwargs: messages.append(text)
    )
    return messages
