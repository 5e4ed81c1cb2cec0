-- A database of Masakari 14.0.2, with the rows of write_rows.py: made by that release's own masakari-manage and
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
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:03',NULL,NULL,0,2,'a871e1ab-ff5f-480f-8889-e26592cae5e3','rack-1','COMPUTE','Zwei Räume,\n\"oben\" \\ unten','auto',1);
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:03',NULL,NULL,0,3,'f0336920-1c5f-4550-98b6-a24c1f6fcc6b','rack-2','COMPUTE',NULL,'rh_priority',0);
INSERT INTO `failover_segments` VALUES ('2026-11-20 14:06:03',NULL,'2026-11-20 14:06:03',4,4,'e73d87f2-6a49-4617-b450-b9f09dcd0f82','rack-9','COMPUTE',NULL,'auto',1);
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
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:03',NULL,NULL,0,1,'584d0034-2ecd-42bb-9a8d-56ab4d96bae3','compute-1',0,'COMPUTE','SSH','a871e1ab-ff5f-480f-8889-e26592cae5e3',0);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:03',NULL,NULL,0,2,'ef156fd1-fa9a-4ea6-a209-aa18a2ce4053','compute-2',1,'COMPUTE','SSH','a871e1ab-ff5f-480f-8889-e26592cae5e3',1);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:03',NULL,NULL,0,3,'97714dae-5c57-4be3-b54f-bb63b8c147b9','compute-3.example.org',0,'COMPUTE','ipmi://10.0.0.3','f0336920-1c5f-4550-98b6-a24c1f6fcc6b',0);
INSERT INTO `hosts` VALUES ('2026-11-20 14:06:03',NULL,'2026-11-20 14:06:03',4,4,'77d52e5f-456d-4657-be0a-13dc47e37981','compute-9',0,'COMPUTE','SSH','f0336920-1c5f-4550-98b6-a24c1f6fcc6b',0);
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
  PRIMARY KEY (`id`),
  UNIQUE KEY `uniq_notifications0uuid` (`notification_uuid`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:03','2026-11-20 14:06:03',NULL,0,1,'001237b9-f07a-4c00-aced-05442abd716f','2026-11-20 08:28:51','584d0034-2ecd-42bb-9a8d-56ab4d96bae3','COMPUTE_HOST','{\"event\": \"STOPPED\", \"host_status\": \"NORMAL\", \"cluster_status\": \"OFFLINE\"}','finished');
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:03','2026-11-20 14:06:03',NULL,0,2,'8f252d00-e2fd-4923-9051-7342a942bbe6','2026-11-20 08:29:51','584d0034-2ecd-42bb-9a8d-56ab4d96bae3','VM','{\"event\": \"LIFECYCLE\", \"instance_uuid\": \"96ab1c42-668a-4d1c-9f4c-9f3d3a1a3c11\", \"vir_domain_event\": \"STOPPED_FAILED\"}','failed');
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:03','2026-11-20 14:06:03',NULL,0,3,'19cd593e-520c-46e5-aa4f-59fd2b4c2f8e','2026-11-20 08:30:51','ef156fd1-fa9a-4ea6-a209-aa18a2ce4053','PROCESS','{\"event\": \"STOPPED\", \"process_name\": \"nova-compute\"}','ignored');
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:03','2026-11-20 14:06:03',NULL,0,4,'c867df5b-f13a-4818-a2b3-8fcde2e18b0a','2026-11-20 08:31:51','97714dae-5c57-4be3-b54f-bb63b8c147b9','COMPUTE_HOST','{\"event\": \"STOPPED\", \"host_status\": \"NORMAL\", \"cluster_status\": \"OFFLINE\"}','error');
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:03','2026-11-20 14:06:03',NULL,0,5,'a8c72d68-72e0-4ef2-957e-4d8353fc0ecc','2026-11-20 08:32:51','97714dae-5c57-4be3-b54f-bb63b8c147b9','PROCESS','{\"event\": \"STARTED\", \"process_name\": \"libvirtd\"}','running');
INSERT INTO `notifications` VALUES ('2026-11-20 14:06:03',NULL,NULL,0,6,'a8f21442-0912-4fef-88f9-c954a20c9125','2026-11-20 08:33:51','584d0034-2ecd-42bb-9a8d-56ab4d96bae3','COMPUTE_HOST','{\"event\": \"STARTED\"}','new');
CREATE TABLE `migrate_version` (
  `repository_id` varchar(250) NOT NULL,
  `repository_path` text DEFAULT NULL,
  `version` int(11) DEFAULT NULL,
  PRIMARY KEY (`repository_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3 COLLATE=utf8mb3_general_ci;
INSERT INTO `migrate_version` VALUES ('masakari','masakari/db/sqlalchemy/migrate_repo',7);
