"""The paper's rows, tables and figures: what they train, what came out, how runs compare."""
