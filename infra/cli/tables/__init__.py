"""Tables for people: which columns are shown, how wide they are, and how cells are written."""
