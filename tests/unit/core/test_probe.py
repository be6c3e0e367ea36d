"""The probe: what the operator asks to change, and what the webhook alone answers."""

import re

from curfew.admission import probe


def test_the_probe_has_a_name_that_an_object_can_have_and_an_answer_that_is_curfews() -> None:
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?", probe.NAME)
    assert probe.ANSWER.startswith("curfew's webhook answers")
