CREATE TABLE `client` (
  `tenant` varbinary(63) NOT NULL,
  `subject` varbinary(255) NOT NULL,
  `id` varbinary(32) NOT NULL,
  `name` varbinary(256) NOT NULL,
  `token_hash` varbinary(32) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `seen_at` bigint(20) NOT NULL,
  `expires_at` bigint(20) NOT NULL,
  PRIMARY KEY (`tenant`,`subject`,`id`),
  KEY `client_expires_at` (`expires_at`)
) ENGINE=InnoDB;
CREATE TABLE `device` (
  `id` varbinary(32) NOT NULL,
  `tenant` varbinary(63) NOT NULL,
  `subject` varbinary(255) NOT NULL,
  `kind` varbinary(32) NOT NULL,
  `name` varbinary(256) NOT NULL,
  `state` varbinary(16) NOT NULL,
  `preferred` tinyint(1) NOT NULL,
  `detail` mediumblob NOT NULL,
  `secret` mediumblob NOT NULL,
  `version` bigint(20) NOT NULL,
  `epoch` bigint(20) NOT NULL,
  `failures` int(11) NOT NULL,
  `failed_at` bigint(20) DEFAULT NULL,
  `created_at` bigint(20) NOT NULL,
  `confirmed_at` bigint(20) DEFAULT NULL,
  `used_at` bigint(20) DEFAULT NULL,
  `expires_at` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `device_subject_name` (`tenant`,`subject`,`name`),
  KEY `device_expires_at` (`expires_at`)
) ENGINE=InnoDB;
CREATE TABLE `event` (
  `writer` varbinary(32) NOT NULL,
  `link` bigint(20) NOT NULL,
  `place` int(11) NOT NULL,
  `tenant` varbinary(63) NOT NULL,
  `at` bigint(20) NOT NULL,
  `what` varbinary(32) NOT NULL,
  `subject` varbinary(255) NOT NULL,
  `device` varbinary(32) NOT NULL,
  `caller` varbinary(63) NOT NULL,
  `details` mediumblob NOT NULL,
  `mac_key` varbinary(32) NOT NULL,
  `previous` mediumblob NOT NULL,
  `mac` mediumblob NOT NULL,
  PRIMARY KEY (`writer`,`link`,`place`)
) ENGINE=InnoDB;
CREATE TABLE `evidence` (
  `tenant` varbinary(63) NOT NULL,
  `subject` varbinary(255) NOT NULL,
  `id` varbinary(32) NOT NULL,
  `method` varbinary(63) NOT NULL,
  `device` varbinary(32) NOT NULL,
  `verified_at` bigint(20) NOT NULL,
  `expires_at` bigint(20) NOT NULL,
  `scope` varbinary(16) NOT NULL,
  `session` varbinary(255) NOT NULL,
  `client` varbinary(32) NOT NULL,
  `digest` varbinary(32) NOT NULL,
  `epoch` bigint(20) NOT NULL,
  `strength` mediumblob NOT NULL,
  `source` varbinary(255) NOT NULL,
  `revoked_at` bigint(20) DEFAULT NULL,
  `spent_at` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`tenant`,`subject`,`id`),
  KEY `evidence_expires_at` (`expires_at`)
) ENGINE=InnoDB;
CREATE TABLE `meta` (
  `name` varbinary(64) NOT NULL,
  `value` mediumblob NOT NULL,
  PRIMARY KEY (`name`)
) ENGINE=InnoDB;
CREATE TABLE `request` (
  `tenant` varbinary(63) NOT NULL,
  `caller` varbinary(63) NOT NULL,
  `id` varbinary(16) NOT NULL,
  `digest_key` varbinary(32) NOT NULL,
  `digest` mediumblob NOT NULL,
  `answer` mediumblob NOT NULL,
  `expires_at` bigint(20) NOT NULL,
  PRIMARY KEY (`tenant`,`caller`,`id`),
  KEY `request_expires_at` (`expires_at`)
) ENGINE=InnoDB;
CREATE TABLE `revocation` (
  `tenant` varbinary(63) NOT NULL,
  `subject` varbinary(255) NOT NULL,
  `session` varbinary(255) NOT NULL,
  `revoked_at` bigint(20) NOT NULL,
  `expires_at` bigint(20) NOT NULL,
  PRIMARY KEY (`tenant`,`subject`,`session`),
  KEY `revocation_expires_at` (`expires_at`)
) ENGINE=InnoDB;
CREATE TABLE `secret` (
  `tenant` varbinary(63) NOT NULL,
  `subject` varbinary(255) NOT NULL,
  `digest` varbinary(32) NOT NULL,
  `digest_key` varbinary(32) NOT NULL,
  `device` varbinary(32) NOT NULL,
  `kind` varbinary(32) NOT NULL,
  `detail` mediumblob NOT NULL,
  PRIMARY KEY (`tenant`,`subject`,`digest`)
) ENGINE=InnoDB;
CREATE TABLE `subject` (
  `tenant` varbinary(63) NOT NULL,
  `subject` varbinary(255) NOT NULL,
  `version` bigint(20) NOT NULL,
  `failures` int(11) NOT NULL,
  `failed_at` bigint(20) DEFAULT NULL,
  `epoch` bigint(20) NOT NULL,
  `enrolled_at` bigint(20) DEFAULT NULL,
  `graced_at` bigint(20) DEFAULT NULL,
  `opened_session` varbinary(255) NOT NULL,
  `opened_at` bigint(20) DEFAULT NULL,
  `signed_out_at` bigint(20) DEFAULT NULL,
  `forgiven` mediumblob DEFAULT NULL,
  PRIMARY KEY (`tenant`,`subject`),
  KEY `subject_failed_at` (`failed_at`)
) ENGINE=InnoDB;
