"""What the settings of the generator are for."""

import unittest

from docent_client.api import SearchInput
from docent_client.api.base_model import UNSET
from docent_client.api.connection import _request
from docent_client.api.enums import OperationEventKind
from docent_client.api.fragments import Problem


class Generated(unittest.TestCase):
    def test_values_that_a_later_server_adds_can_be_read(self) -> None:
        problem = Problem.model_validate({"code": "OUT_OF_TUNE", "message": "…", "path": []})
        self.assertEqual(problem.code.value, "OUT_OF_TUNE")
        self.assertNotIn(OperationEventKind("DOCUMENT_SUNG"), list(OperationEventKind))

    def test_what_is_not_set_is_left_out_and_none_is_null(self) -> None:
        search = SearchInput(query="trams", min_score=None)
        request = _request("query Q { viewer { id } }", "Q", {"input": search, "first": UNSET, "after": None})
        self.assertEqual(request.variable_values, {"input": {"query": "trams", "minScore": None}, "after": None})


if __name__ == "__main__":
    unittest.main()
