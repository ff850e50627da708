CREATE TABLE client (
    tenant text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    token_hash bytea NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL
) WITH (fillfactor=80);
CREATE INDEX client_expires_at ON public.client USING btree (expires_at);
CREATE UNIQUE INDEX client_pkey ON public.client USING btree (tenant, subject, id);
CREATE TABLE device (
    id text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    preferred boolean NOT NULL,
    detail text NOT NULL,
    secret bytea NOT NULL,
    version bigint NOT NULL,
    epoch bigint NOT NULL,
    failures integer NOT NULL,
    failed_at bigint,
    created_at bigint NOT NULL,
    confirmed_at bigint,
    used_at bigint,
    expires_at bigint
) WITH (fillfactor=80);
CREATE INDEX device_expires_at ON public.device USING btree (expires_at);
CREATE UNIQUE INDEX device_pkey ON public.device USING btree (id);
CREATE UNIQUE INDEX device_subject_name ON public.device USING btree (tenant, subject, name);
CREATE TABLE event (
    writer text COLLATE "C" NOT NULL,
    link bigint NOT NULL,
    place integer NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    what text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,
    caller text COLLATE "C" NOT NULL,
    details text NOT NULL,
    mac_key text COLLATE "C" NOT NULL,
    previous bytea NOT NULL,
    mac bytea NOT NULL
);
CREATE UNIQUE INDEX event_pkey ON public.event USING btree (writer, link, place);
CREATE TABLE evidence (
    tenant text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    method text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,
    verified_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    scope text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    client text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    epoch bigint NOT NULL,
    strength text NOT NULL,
    source text COLLATE "C" NOT NULL,
    revoked_at bigint,
    spent_at bigint
);
CREATE INDEX evidence_expires_at ON public.evidence USING btree (expires_at);
CREATE UNIQUE INDEX evidence_pkey ON public.evidence USING btree (tenant, subject, id);
CREATE TABLE meta (
    name text COLLATE "C" NOT NULL,
    value bytea NOT NULL
) WITH (fillfactor=80);
CREATE UNIQUE INDEX meta_pkey ON public.meta USING btree (name);
CREATE TABLE request (
    tenant text COLLATE "C" NOT NULL,
    caller text COLLATE "C" NOT NULL,
    id bytea NOT NULL,
    digest_key text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    answer bytea NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX request_expires_at ON public.request USING btree (expires_at);
CREATE UNIQUE INDEX request_pkey ON public.request USING btree (tenant, caller, id);
CREATE TABLE revocation (
    tenant text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    session text COLLATE "C" NOT NULL,
    revoked_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX revocation_expires_at ON public.revocation USING btree (expires_at);
CREATE UNIQUE INDEX revocation_pkey ON public.revocation USING btree (tenant, subject, session);
CREATE TABLE secret (
    tenant text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    digest_key text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    detail text NOT NULL
);
CREATE UNIQUE INDEX secret_pkey ON public.secret USING btree (tenant, subject, digest);
CREATE TABLE subject (
    tenant text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    failures integer NOT NULL,
    failed_at bigint,
    epoch bigint NOT NULL,
    enrolled_at bigint,
    graced_at bigint,
    opened_session text COLLATE "C" NOT NULL,
    opened_at bigint,
    signed_out_at bigint,
    forgiven text
) WITH (fillfactor=80);
CREATE INDEX subject_failed_at ON public.subject USING btree (failed_at);
CREATE UNIQUE INDEX subject_pkey ON public.subject USING btree (tenant, subject);
