"""What tests of data sets share."""

import pytest


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What data sets report at start."""
    messages: list[str] = []
    monkeypatch.setattr(
        'mmsxm.datasets.xray_dataset.print_log', lambda text, *args, **kwargs: messages.append(text)
    )
    return messages
