-- What all programs on this store share and nobody else may know, made once by whoever needs it first.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value BYTEA NOT NULL
);
