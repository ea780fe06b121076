-- Words and CJK bigrams, made by the tokeniser in domain/text: the index holds terms, never the text.
CREATE VIRTUAL TABLE post_terms USING fts5 (
    terms, content = '', contentless_delete = 1, tokenize = 'ascii'
);
CREATE VIRTUAL TABLE account_terms USING fts5 (
    terms, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '2 3'
);
