-- Words and CJK bigrams, made by the tokeniser in domain/text: the index holds terms, never the text. What is deleted is
-- taken out of it term by term, at once; a tombstone would leave the terms where they are until their segment is merged.
-- FTS5 would change the version of the format with the first deletion, and connections that are open wouldn't notice.
CREATE VIRTUAL TABLE post_terms USING fts5 (
    terms, content = '', tokenize = 'ascii'
);
INSERT INTO post_terms (post_terms, rank) VALUES ('secure-delete', 1);
REPLACE INTO post_terms_config VALUES ('version', 5);
CREATE VIRTUAL TABLE account_terms USING fts5 (
    terms, content = '', tokenize = 'ascii', prefix = '2 3'
);
INSERT INTO account_terms (account_terms, rank) VALUES ('secure-delete', 1);
REPLACE INTO account_terms_config VALUES ('version', 5);
