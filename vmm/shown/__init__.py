"""HTML for a notebook's cell: tables, facts and text, all of it escaped, in one look for light and dark."""
