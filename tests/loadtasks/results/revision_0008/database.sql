BEGIN TRANSACTION;
CREATE TABLE alerts (
	id INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	sent_at DATETIME NOT NULL, 
	channel VARCHAR NOT NULL, 
	recipients JSON NOT NULL, 
	subject VARCHAR NOT NULL, 
	"where" VARCHAR NOT NULL, 
	CONSTRAINT pk_alerts PRIMARY KEY (id), 
	CONSTRAINT fk_alerts_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE baselines (
	id INTEGER NOT NULL, 
	scenario VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	approved_by VARCHAR NOT NULL, 
	approved_at DATETIME NOT NULL, 
	why VARCHAR NOT NULL, 
	scenario_hash VARCHAR NOT NULL, 
	target_version VARCHAR, 
	generator VARCHAR NOT NULL, 
	CONSTRAINT pk_baselines PRIMARY KEY (id), 
	CONSTRAINT fk_baselines_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "baselines" VALUES(1,'dashboard.concurrent','nightly-1','automatic','2026-11-29 04:43:28.755232','the first passing run','5eed','1.2.0','a-host');
INSERT INTO "baselines" VALUES(2,'sessions.filtered','compose','automatic','2026-11-29 04:43:28.843522','the first passing run','5eed','1.2.0','a-host');
INSERT INTO "baselines" VALUES(3,'orders.list','team','automatic','2026-11-29 04:43:28.925795','the first passing run','5eed','1.2.0','a-host');
INSERT INTO "baselines" VALUES(4,'root.get','httpbin-1','automatic','2026-11-29 04:43:28.998009','the first passing run','5eed','1.2.0','a-host');
CREATE TABLE "failures" (
	run_id VARCHAR NOT NULL, 
	scenario VARCHAR NOT NULL, 
	detail VARCHAR NOT NULL, 
	code VARCHAR DEFAULT 'measurement_failed' NOT NULL, 
	CONSTRAINT pk_failures PRIMARY KEY (run_id, scenario), 
	CONSTRAINT fk_failures_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE "measurements" (
	id INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	scenario VARCHAR NOT NULL, 
	part VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	endpoint VARCHAR NOT NULL, 
	scenario_hash VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	elapsed_s DOUBLE NOT NULL, 
	scheduled INTEGER NOT NULL, 
	completed INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	dropped INTEGER NOT NULL, 
	in_flight INTEGER NOT NULL, 
	conservation_gap INTEGER NOT NULL, 
	success_rate DOUBLE, 
	throughput_per_s DOUBLE, 
	mean_s DOUBLE, 
	p50_s DOUBLE, 
	p90_s DOUBLE, 
	p95_s DOUBLE, 
	p99_s DOUBLE, 
	max_s DOUBLE, 
	connect_mean_s DOUBLE, 
	response VARCHAR NOT NULL, 
	service VARCHAR NOT NULL, 
	send_lag VARCHAR NOT NULL, 
	statuses JSON NOT NULL, 
	errors JSON NOT NULL, 
	phases JSON NOT NULL, 
	health JSON NOT NULL, 
	throttled INTEGER DEFAULT '0' NOT NULL, 
	exemplars JSON DEFAULT '[]' NOT NULL, 
	body_bytes BIGINT DEFAULT '0' NOT NULL, 
	target_metrics JSON, 
	repetition INTEGER NOT NULL, 
	reported BOOLEAN NOT NULL, 
	trusted BOOLEAN DEFAULT 1 NOT NULL, 
	protocol VARCHAR DEFAULT 'http' NOT NULL, 
	p99_9_s DOUBLE, 
	load JSON NOT NULL, 
	reason VARCHAR, 
	CONSTRAINT pk_measurements PRIMARY KEY (id), 
	CONSTRAINT fk_measurements_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	CONSTRAINT uq_measurements_run_id_scenario_part_repetition UNIQUE (run_id, scenario, part, repetition)
);
INSERT INTO "measurements" VALUES(1,'nightly-1','dashboard.concurrent','',0,'dashboard','5eed','2026-11-02 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(2,'future','dashboard.concurrent','',0,'dashboard','5eed','2036-10-29 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(3,'nightly-2','dashboard.concurrent','',0,'dashboard','5eed','2026-11-03 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(4,'compose','sessions.filtered','',0,'sessions','5eed','2026-11-04 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(5,'by-hand','dashboard.concurrent','',0,'dashboard','5eed','2026-11-05 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(6,'team','orders.list','',0,'orders','5eed','2026-11-06 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(7,'staging','dashboard.concurrent','',0,'dashboard','5eed','2026-11-07 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(8,'httpbin-1','root.get','',0,'root','5eed','2026-11-08 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(9,'items-1','root.get','',0,'root','5eed','2026-11-09 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(10,'httpbin-2','root.get','',0,'root','5eed','2026-11-10 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
INSERT INTO "measurements" VALUES(11,'password','root.get','',0,'root','5eed','2026-11-11 02:00:00.000000',2.0,10,10,0,0,0,0,1.0,5.0,0.05,0.050015,0.050015,0.050015,0.050015,0.050015,0.001,'HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACJ4nJNpmSzMwMDAzAABMJoRRCgfdmOw/wAR2JwhAgBVNQTY','HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEUQoH3ZjsP8AFRABAE6CA70=','{"200": 10}','[]','{"first_byte": {"count": 10, "total_s": 0.44999999999999996, "max_s": 0.05, "outcomes": {}}, "body": {"count": 10, "total_s": 0.049999999999999996, "max_s": 0.05, "outcomes": {}}, "connect": {"count": 10, "total_s": 0.01, "max_s": 0.001, "outcomes": {}}}','{"cpu_share": 0.2, "loop_lag_p99_s": 0.002, "loop_lag_max_s": 0.01, "send_lag_p99_s": 0.0, "waited_for_connection": 0, "sent_per_s": null, "calibration": null, "saturation": []}',0,'[]',0,NULL,1,1,1,'http',0.050015,'{"model": "closed", "workers": 10, "requests": 100}',NULL);
CREATE TABLE moves (
	id INTEGER NOT NULL, 
	regression_id INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR NOT NULL, 
	why VARCHAR NOT NULL, 
	CONSTRAINT pk_moves PRIMARY KEY (id), 
	CONSTRAINT fk_moves_regression_id_regressions FOREIGN KEY(regression_id) REFERENCES regressions (id) ON DELETE CASCADE
);
INSERT INTO "moves" VALUES(1,1,'open','2026-11-10 03:00:00.000000','automatic','found in run nightly-2');
INSERT INTO "moves" VALUES(2,1,'acknowledged','2026-11-03 03:00:00.000000','ann','recovered in run by magic');
INSERT INTO "moves" VALUES(3,1,'fixed','2036-10-30 02:00:00.000000','automatic','recovered in run future');
INSERT INTO "moves" VALUES(4,2,'open','2026-11-10 03:00:00.000000','automatic','found in run items-1');
INSERT INTO "moves" VALUES(5,3,'open','2026-11-10 03:00:00.000000','automatic','found in run gone');
INSERT INTO "moves" VALUES(6,4,'open','2026-11-10 03:00:00.000000','automatic','found in run gone-too');
CREATE TABLE "pairings" (
	run_id VARCHAR NOT NULL, 
	scenario VARCHAR NOT NULL, 
	problem VARCHAR, 
	reference JSON NOT NULL, 
	round_ratios JSON NOT NULL, 
	CONSTRAINT pk_pairings PRIMARY KEY (run_id, scenario), 
	CONSTRAINT fk_pairings_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE regressions (
	id INTEGER NOT NULL, 
	scenario VARCHAR NOT NULL, 
	part VARCHAR NOT NULL, 
	first_run VARCHAR NOT NULL, 
	found_run VARCHAR NOT NULL, 
	version_before VARCHAR, 
	version_after VARCHAR, 
	changes JSON NOT NULL, 
	CONSTRAINT pk_regressions PRIMARY KEY (id)
);
INSERT INTO "regressions" VALUES(1,'dashboard.concurrent','','nightly-1','nightly-2',NULL,NULL,'[{"metric": "p50_s", "before": 0.1, "ratio": 1.2, "low": 1.1, "high": 1.3}]');
INSERT INTO "regressions" VALUES(2,'root.get','','httpbin-1','items-1',NULL,NULL,'[{"metric": "p50_s", "before": 0.1, "ratio": 1.2, "low": 1.1, "high": 1.3}]');
INSERT INTO "regressions" VALUES(3,'root.get','','httpbin-1','gone',NULL,NULL,'[{"metric": "p50_s", "before": 0.1, "ratio": 1.2, "low": 1.1, "high": 1.3}]');
INSERT INTO "regressions" VALUES(4,'dashboard.concurrent','','gone','gone-too',NULL,NULL,'[{"metric": "p50_s", "before": 0.1, "ratio": 1.2, "low": 1.1, "high": 1.3}]');
CREATE TABLE results_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT results_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "results_version" VALUES('0008');
CREATE TABLE runs (
	id VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	"trigger" VARCHAR NOT NULL, 
	target_url VARCHAR NOT NULL, 
	target_version VARCHAR, 
	load_factor DOUBLE NOT NULL, 
	scenarios JSON NOT NULL, 
	generator VARCHAR NOT NULL, 
	verdict VARCHAR, calibrations JSON DEFAULT '{}' NOT NULL, reference_url VARCHAR, reference_version VARCHAR, processes INTEGER DEFAULT '1' NOT NULL, measurement_version INTEGER DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('nightly-1','2026-11-02 02:00:00.000000','2026-11-02 02:01:00.000000','manual','http://127.0.0.1:40001','1.2.0',1.0,'["dashboard.concurrent"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('future','2036-10-29 02:00:00.000000','2036-10-29 02:01:00.000000','scheduled','http://127.0.0.1:40009','1.2.0',1.0,'["dashboard.concurrent"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('nightly-2','2026-11-03 02:00:00.000000','2026-11-03 02:01:00.000000','scheduled','http://localhost:40002','1.2.0',1.0,'["dashboard.concurrent"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('compose','2026-11-04 02:00:00.000000','2026-11-04 02:01:00.000000','scheduled','http://nginx:8080','1.2.0',1.0,'["sessions.filtered"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('by-hand','2026-11-05 02:00:00.000000','2026-11-05 02:01:00.000000','command line','http://127.0.0.1:8000','1.2.0',1.0,'["dashboard.concurrent"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('team','2026-11-06 02:00:00.000000','2026-11-06 02:01:00.000000','scheduled','http://127.0.0.1:9000','1.2.0',1.0,'["orders.list"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('staging','2026-11-07 02:00:00.000000','2026-11-07 02:01:00.000000','scheduled','https://api.example.com/v2','1.2.0',1.0,'["dashboard.concurrent"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('httpbin-1','2026-11-08 02:00:00.000000','2026-11-08 02:01:00.000000','command line','http://127.0.0.1:22001','1.2.0',1.0,'["root.get"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('items-1','2026-11-09 02:00:00.000000','2026-11-09 02:01:00.000000','command line','http://127.0.0.1:22006','1.2.0',1.0,'["root.get"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('httpbin-2','2026-11-10 02:00:00.000000','2026-11-10 02:01:00.000000','command line','http://127.0.0.1:22001','1.2.0',1.0,'["root.get"]','a-host','pass','{}',NULL,NULL,1,1);
INSERT INTO "runs" VALUES('password','2026-11-11 02:00:00.000000','2026-11-11 02:01:00.000000','command line','http://ada:secret@api.example.com:81','1.2.0',1.0,'["root.get"]','a-host','pass','{}',NULL,NULL,1,1);
CREATE TABLE verdicts (
	run_id VARCHAR NOT NULL, 
	scenario VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	verdict VARCHAR NOT NULL, 
	findings JSON NOT NULL, 
	comparisons JSON NOT NULL, 
	baseline_run VARCHAR, 
	CONSTRAINT pk_verdicts PRIMARY KEY (run_id, scenario), 
	CONSTRAINT fk_verdicts_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "verdicts" VALUES('nightly-1','dashboard.concurrent',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('future','dashboard.concurrent',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('nightly-2','dashboard.concurrent',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('compose','sessions.filtered',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('by-hand','dashboard.concurrent',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('team','orders.list',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('staging','dashboard.concurrent',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('httpbin-1','root.get',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('items-1','root.get',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('httpbin-2','root.get',0,'pass','[]','[]',NULL);
INSERT INTO "verdicts" VALUES('password','root.get',0,'pass','[]','[]',NULL);
CREATE INDEX ix_runs_started_at ON runs (started_at);
CREATE INDEX ix_baselines_scenario ON baselines (scenario);
CREATE INDEX ix_regressions_found_run ON regressions (found_run);
CREATE INDEX ix_regressions_scenario ON regressions (scenario);
CREATE INDEX ix_moves_regression_id ON moves (regression_id);
CREATE INDEX ix_measurements_scenario_part ON measurements (scenario, part);
COMMIT;
