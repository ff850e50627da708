CREATE TABLE "device" ( "id" text NOT NULL, "tenant" text NOT NULL, "subject" text NOT NULL, "kind" text NOT NULL, "name" text NOT NULL, "state" text NOT NULL, "preferred" boolean NOT NULL, "detail" text NOT NULL, "secret" blob NOT NULL, "version" integer NOT NULL, "failures" integer NOT NULL, "failed_at" integer NULL, "created_at" integer NOT NULL, "confirmed_at" integer NULL, "used_at" integer NULL, "expires_at" integer NULL, PRIMARY KEY ("id") ) WITHOUT ROWID;
CREATE INDEX "device_expires_at" ON "device" ("expires_at");
CREATE UNIQUE INDEX "device_subject_name" ON "device" ("tenant", "subject", "name");
CREATE TABLE "event" ( "writer" text NOT NULL, "link" integer NOT NULL, "place" integer NOT NULL, "tenant" text NOT NULL, "at" integer NOT NULL, "what" text NOT NULL, "subject" text NOT NULL, "device" text NOT NULL, "caller" text NOT NULL, "details" text NOT NULL, "mac_key" text NOT NULL, "previous" blob NOT NULL, "mac" blob NOT NULL, PRIMARY KEY ("writer", "link", "place") ) WITHOUT ROWID;
CREATE TABLE "meta" ( "name" text NOT NULL, "value" blob NOT NULL, PRIMARY KEY ("name") ) WITHOUT ROWID;
CREATE TABLE "request" ( "tenant" text NOT NULL, "caller" text NOT NULL, "id" blob NOT NULL, "digest_key" text NOT NULL, "digest" blob NOT NULL, "answer" blob NOT NULL, "expires_at" integer NOT NULL, PRIMARY KEY ("tenant", "caller", "id") ) WITHOUT ROWID;
CREATE INDEX "request_expires_at" ON "request" ("expires_at");
CREATE TABLE "subject" ( "tenant" text NOT NULL, "subject" text NOT NULL, "version" integer NOT NULL, "failures" integer NOT NULL, "failed_at" integer NULL, PRIMARY KEY ("tenant", "subject") ) WITHOUT ROWID;
CREATE INDEX "subject_failed_at" ON "subject" ("failed_at");
