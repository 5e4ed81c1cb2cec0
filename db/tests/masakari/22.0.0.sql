-- A database of Masakari 22.0.0, with the rows of write_rows.py: made by that release's own masakari-manage and
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
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,2,'5fec13c5-91d2-475d-aff4-56cfe1d99d97','rack-1','COMPUTE','Zwei Räume,\n\"oben\" \\ unten','auto',1);
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,3,'722ee15d-3a92-40eb-95a7-357922a358ae','rack-2','COMPUTE',NULL,'rh_priority',0);
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:05',NULL,'2026-11-20 14:06:05',4,4,'6d9600b8-a9c0-4964-93f0-2b2cffabfd36','rack-9','COMPUTE',NULL,'auto',1);
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
  KEY `failover_segment_id` (`failover_segment_id`),
  KEY `hosts_type_idx` (`type`),
  CONSTRAINT `hosts_ibfk_1` FOREIGN KEY (`failover_segment_id`) REFERENCES `failover_segments` (`uuid`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,1,'b9beaf85-4914-4ff7-a51b-cf1dfc375fee','compute-1',0,'COMPUTE','SSH','5fec13c5-91d2-475d-aff4-56cfe1d99d97',0);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,2,'a2572a61-9209-4aae-9cff-e668e9267a6e','compute-2',1,'COMPUTE','SSH','5fec13c5-91d2-475d-aff4-56cfe1d99d97',1);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,3,'733d389e-8490-459d-9e0a-0ab1a608bfe3','compute-3.example.org',0,'COMPUTE','ipmi://10.0.0.3','722ee15d-3a92-40eb-95a7-357922a358ae',0);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:05',NULL,'2026-11-20 14:06:05',4,4,'2eff5a26-ad4c-4bdb-a7c2-47ef5d4e936e','compute-9',0,'COMPUTE','SSH','722ee15d-3a92-40eb-95a7-357922a358ae',0);
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
  UNIQUE KEY `uniq_notification0uuid` (`notification_uuid`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:05','2026-11-20 14:06:05',NULL,0,1,'22c10157-f9a8-4c19-8cc2-b618d6359ad7','2026-11-20 08:28:51','b9beaf85-4914-4ff7-a51b-cf1dfc375fee','COMPUTE_HOST','{\"event\": \"STOPPED\", \"host_status\": \"NORMAL\", \"cluster_status\": \"OFFLINE\"}','finished','5fec13c5-91d2-475d-aff4-56cfe1d99d97',NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:05','2026-11-20 14:06:05',NULL,0,2,'387589d7-6b1c-4ad2-87c5-105a4ef77704','2026-11-20 08:29:51','b9beaf85-4914-4ff7-a51b-cf1dfc375fee','VM','{\"event\": \"LIFECYCLE\", \"instance_uuid\": \"96ab1c42-668a-4d1c-9f4c-9f3d3a1a3c11\", \"vir_domain_event\": \"STOPPED_FAILED\"}','failed','5fec13c5-91d2-475d-aff4-56cfe1d99d97',NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:05','2026-11-20 14:06:05',NULL,0,3,'eaabf8fa-3520-4dd5-a1fb-9b326909701b','2026-11-20 08:30:51','a2572a61-9209-4aae-9cff-e668e9267a6e','PROCESS','{\"event\": \"STOPPED\", \"process_name\": \"nova-compute\"}','ignored','5fec13c5-91d2-475d-aff4-56cfe1d99d97',NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:05','2026-11-20 14:06:05',NULL,0,4,'579e406e-b3b6-459a-88dd-ce07735e1d49','2026-11-20 08:31:51','733d389e-8490-459d-9e0a-0ab1a608bfe3','COMPUTE_HOST','{\"event\": \"STOPPED\", \"host_status\": \"NORMAL\", \"cluster_status\": \"OFFLINE\"}','error','722ee15d-3a92-40eb-95a7-357922a358ae',NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:05','2026-11-20 14:06:05',NULL,0,5,'da084490-4f50-4f2c-8e9c-48c840231d42','2026-11-20 08:32:51','733d389e-8490-459d-9e0a-0ab1a608bfe3','PROCESS','{\"event\": \"STARTED\", \"process_name\": \"libvirtd\"}','running','722ee15d-3a92-40eb-95a7-357922a358ae',NULL);
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,6,'88601d83-8df5-4928-9f1c-e5555148c839','2026-11-20 08:33:51','b9beaf85-4914-4ff7-a51b-cf1dfc375fee','COMPUTE_HOST','{\"event\": \"STARTED\"}','new','5fec13c5-91d2-475d-aff4-56cfe1d99d97',NULL);
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
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `vmoves` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,1,'3c64f22f-e1b4-40a0-8950-65b80d19f30e','22c10157-f9a8-4c19-8cc2-b618d6359ad7','96ab1c42-668a-4d1c-9f4c-9f3d3a1a3c11','vm-0','compute-1','compute-2','2026-11-20 08:28:51','2026-11-20 08:28:51','evacuation','succeeded',NULL);
INSERT INTO `vmoves` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,2,'4ac9cffe-ec10-4528-9988-6a54576853bc','22c10157-f9a8-4c19-8cc2-b618d6359ad7','96ab1c42-668a-4d1c-9f4c-9f3d3a1a3c11','vm-1','compute-1',NULL,'2026-11-20 08:28:51',NULL,'evacuation','failed',NULL);
INSERT INTO `vmoves` VALUES ('2026-11-20 14:06:05',NULL,NULL,0,3,'0074fb2b-e403-4f1e-99fc-95281c04420a','22c10157-f9a8-4c19-8cc2-b618d6359ad7','96ab1c42-668a-4d1c-9f4c-9f3d3a1a3c11','vm-2','compute-1',NULL,'2026-11-20 08:28:51',NULL,'evacuation','pending',NULL);
CREATE TABLE `masakari_alembic_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `masakari_alembic_version` VALUES ('13adff5efb9a');
