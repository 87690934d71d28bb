"""Small pictures of results for lists of them: from overview or coarsest level, without a word."""
