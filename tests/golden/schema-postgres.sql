CREATE TABLE client (
    tenant text NOT NULL,
    subject text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL
) WITH (fillfactor=80);
CREATE INDEX client_expires_at ON public.client USING btree (expires_at);
CREATE UNIQUE INDEX client_pkey ON public.client USING btree (tenant, subject, id);
CREATE TABLE device (
    id text NOT NULL,
    tenant text NOT NULL,
    subject text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    state text NOT NULL,
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
    writer text NOT NULL,
    link bigint NOT NULL,
    place integer NOT NULL,
    tenant text NOT NULL,
    at bigint NOT NULL,
    what text NOT NULL,
    subject text NOT NULL,
    device text NOT NULL,
    caller text NOT NULL,
    details text NOT NULL,
    mac_key text NOT NULL,
    previous bytea NOT NULL,
    mac bytea NOT NULL
);
CREATE UNIQUE INDEX event_pkey ON public.event USING btree (writer, link, place);
CREATE TABLE evidence (
    tenant text NOT NULL,
    subject text NOT NULL,
    id text NOT NULL,
    method text NOT NULL,
    device text NOT NULL,
    verified_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    scope text NOT NULL,
    session text NOT NULL,
    client text NOT NULL,
    digest bytea NOT NULL,
    epoch bigint NOT NULL,
    strength text NOT NULL,
    source text NOT NULL,
    revoked_at bigint,
    spent_at bigint
);
CREATE INDEX evidence_expires_at ON public.evidence USING btree (expires_at);
CREATE UNIQUE INDEX evidence_pkey ON public.evidence USING btree (tenant, subject, id);
CREATE TABLE meta (
    name text NOT NULL,
    value bytea NOT NULL
) WITH (fillfactor=80);
CREATE UNIQUE INDEX meta_pkey ON public.meta USING btree (name);
CREATE TABLE request (
    tenant text NOT NULL,
    caller text NOT NULL,
    id bytea NOT NULL,
    digest_key text NOT NULL,
    digest bytea NOT NULL,
    answer bytea NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX request_expires_at ON public.request USING btree (expires_at);
CREATE UNIQUE INDEX request_pkey ON public.request USING btree (tenant, caller, id);
CREATE TABLE subject (
    tenant text NOT NULL,
    subject text NOT NULL,
    version bigint NOT NULL,
    failures integer NOT NULL,
    failed_at bigint,
    epoch bigint NOT NULL,
    enrolled_at bigint,
    graced_at bigint
) WITH (fillfactor=80);
CREATE INDEX subject_failed_at ON public.subject USING btree (failed_at);
CREATE UNIQUE INDEX subject_pkey ON public.subject USING btree (tenant, subject);
