-- A database of Masakari 22.0.0 that was 14.0.2 before, with the rows of write_rows.py: made by that release's own masakari-manage and
-- objects on MariaDB 10.11, dumped by mariadb-dump. Facts about another program: not to be edited.
CREATE TABLE `failover_segments` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `deleted` int(11) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) NOT NULL,
  `name` varchar(255) NOT NULL,
  `service_type` varchar(255) NOT NULL,
  `description` text DEFAULT NULL,
  `recovery_method` enum('auto','reserved_host','auto_priority','rh_priority') NOT NULL,
  `enabled` tinyint(1) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_segments0uuid` (`uuid`),
  UNIQUE KEY `uniq_segment0name0deleted` (`name`,`deleted`),
  KEY `segments_service_type_idx` (`service_type`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:21',NULL,NULL,0,1,'478a1da2-1210-42dd-aea3-cb87d77b3d8a','rack-1','COMPUTE','Zwei Räume,\n\"oben\" \\ unten','auto',1);
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:21',NULL,NULL,0,2,'96387a89-9a77-483f-a8fe-a51d7a923e45','rack-2','COMPUTE',NULL,'rh_priority',0);
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:21',NULL,'2026-11-20 14:06:21',3,3,'4198028e-28ae-49b8-8b81-e1086ceae83b','rack-9','COMPUTE',NULL,'auto',1);
CREATE TABLE `hosts` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `deleted` int(11) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) NOT NULL,
  `name` varchar(255) NOT NULL,
  `reserved` tinyint(1) DEFAULT NULL,
  `type` varchar(255) NOT NULL,
  `control_attributes` text NOT NULL,
  `failover_segment_id` varchar(36) NOT NULL,
  `on_maintenance` tinyint(1) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_host0uuid` (`uuid`),
  UNIQUE KEY `uniq_host0name0deleted` (`name`,`deleted`),
  KEY `hosts_type_idx` (`type`),
  KEY `fk_failover_segments_uuid` (`failover_segment_id`),
  CONSTRAINT `fk_failover_segments_uuid` FOREIGN KEY (`failover_segment_id`) REFERENCES `failover_segments` (`uuid`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:21',NULL,NULL,0,1,'1679ea54-642a-4c28-81e6-6158df83bbdd','compute-1',0,'COMPUTE','SSH','478a1da2-1210-42dd-aea3-cb87d77b3d8a',0);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:21',NULL,NULL,0,2,'62d21d98-e645-40d2-9d07-0e5c571eaf15','compute-2',1,'COMPUTE','SSH','478a1da2-1210-42dd-aea3-cb87d77b3d8a',1);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:21',NULL,NULL,0,3,'fec13091-0ff9-42a0-94bb-def7a80d4295','compute-3.example.org',0,'COMPUTE','ipmi://10.0.0.3','96387a89-9a77-483f-a8fe-a51d7a923e45',0);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:21',NULL,'2026-11-20 14:06:21',4,4,'c819ba47-61ef-49c8-8b5c-ebc307b5a043','compute-9',0,'COMPUTE','SSH','96387a89-9a77-483f-a8fe-a51d7a923e45',0);
CREATE TABLE `notifications` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `deleted` int(11) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `notification_uuid` varchar(36) NOT NULL,
  `generated_time` datetime NOT NULL,
  `source_host_uuid` varchar(36) NOT NULL,
  `type` varchar(36) NOT NULL,
  `payload` text DEFAULT NULL,
  `status` enum('new','running','error','failed','ignored','finished') NOT NULL,
  `failover_segment_uuid` varchar(36) DEFAULT NULL,
  `message` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_notifications0uuid` (`notification_uuid`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:21','2026-11-20 14:06:21',NULL,0,1,'82353472-677d-4a0c-9ec1-063fbc139924','2026-11-20 08:28:51','1679ea54-642a-4c28-81e6-6158df83bbdd','COMPUTE_HOST','{\"event\": \"STOPPED\", \"host_status\": \"NORMAL\", \"cluster_status\": \"OFFLINE\"}','finished',NULL,NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:21','2026-11-20 14:06:21',NULL,0,2,'049e32ad-3fb0-44b8-90ff-f27f0a0a7ef2','2026-11-20 08:29:51','1679ea54-642a-4c28-81e6-6158df83bbdd','VM','{\"event\": \"LIFECYCLE\", \"instance_uuid\": \"96ab1c42-668a-4d1c-9f4c-9f3d3a1a3c11\", \"vir_domain_event\": \"STOPPED_FAILED\"}','failed',NULL,NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:21','2026-11-20 14:06:21',NULL,0,3,'5432e71b-a7f5-41cf-ba03-759a25e2d2c2','2026-11-20 08:30:51','62d21d98-e645-40d2-9d07-0e5c571eaf15','PROCESS','{\"event\": \"STOPPED\", \"process_name\": \"nova-compute\"}','ignored',NULL,NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:21','2026-11-20 14:06:21',NULL,0,4,'24b3fc62-b06e-4dec-a339-bab18a42f592','2026-11-20 08:31:51','fec13091-0ff9-42a0-94bb-def7a80d4295','COMPUTE_HOST','{\"event\": \"STOPPED\", \"host_status\": \"NORMAL\", \"cluster_status\": \"OFFLINE\"}','error',NULL,NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:21','2026-11-20 14:06:21',NULL,0,5,'b15e8dea-d9dd-4855-b07c-a90d9cde0e8c','2026-11-20 08:32:51','fec13091-0ff9-42a0-94bb-def7a80d4295','PROCESS','{\"event\": \"STARTED\", \"process_name\": \"libvirtd\"}','running',NULL,NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:21',NULL,NULL,0,6,'4967797e-462c-4dbf-aebf-cc6d3159d6d6','2026-11-20 08:33:51','1679ea54-642a-4c28-81e6-6158df83bbdd','COMPUTE_HOST','{\"event\": \"STARTED\"}','new',NULL,NULL);
CREATE TABLE `vmoves` (
  `created_at` datetime DEFAULT NULL,
  `updated_at` datetime DEFAULT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `deleted` int(11) DEFAULT NULL,
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `uuid` varchar(36) NOT NULL,
  `notification_uuid` varchar(36) NOT NULL,
  `instance_uuid` varchar(36) NOT NULL,
  `instance_name` varchar(255) NOT NULL,
  `source_host` varchar(255) DEFAULT NULL,
  `dest_host` varchar(255) DEFAULT NULL,
  `start_time` datetime DEFAULT NULL,
  `end_time` datetime DEFAULT NULL,
  `type` varchar(36) DEFAULT NULL,
  `status` varchar(255) DEFAULT NULL,
  `message` text DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_vmove0uuid` (`uuid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
CREATE TABLE `masakari_alembic_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `masakari_alembic_version` VALUES ('13adff5efb9a');
CREATE TABLE `migrate_version` (
  `repository_id` varchar(250) NOT NULL,
  `repository_path` text DEFAULT NULL,
  `version` int(11) DEFAULT NULL,
  PRIMARY KEY (`repository_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `migrate_version` VALUES ('masakari','masakari/db/sqlalchemy/migrate_repo',7);
