-- Who may sign in. login: a name or mail address, in lower case. password_hash: argon2id; NULL until one is set, and for
-- people of an identity provider. oidc_subject: issuer and subject of the provider's account that signed in first.
-- link_sha256: of the one-time link that sets a password, until link_ends_at.
CREATE TABLE people (
  id BIGINT NOT NULL PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  password_hash TEXT,
  oidc_subject TEXT,
  link_sha256 TEXT,
  link_ends_at TIMESTAMPTZ,
  disabled_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);

-- The sessions of signed-in people. token_sha256: of the random token in the cookie. seen_at: the last use, to within
-- minutes. ends_at: the latest end. device: what the browser calls itself.
CREATE TABLE sessions (
  token_sha256 TEXT NOT NULL PRIMARY KEY,
  person_id BIGINT NOT NULL,
  device TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  seen_at TIMESTAMPTZ NOT NULL,
  ends_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_of_person ON sessions (person_id, created_at);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- API keys, as SHA-256 only. last_used_at: to within an hour.
CREATE TABLE api_keys (
  id BIGINT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  created_by TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  last_used_at TIMESTAMPTZ,
  revoked_at TIMESTAMPTZ
);

-- Who did what, in the transaction of the action. before_json, after_json: what changed; no data of customers.
CREATE TABLE audit_log (
  id BIGINT NOT NULL PRIMARY KEY,
  recorded_at TIMESTAMPTZ NOT NULL,
  actor_kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  before_json TEXT,
  after_json TEXT
);
CREATE INDEX audit_log_by_actor ON audit_log (actor, id);
CREATE INDEX audit_log_by_action ON audit_log (action, id);
CREATE INDEX audit_log_by_subject ON audit_log (subject, id);
