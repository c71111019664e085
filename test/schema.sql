-- Made by npm run schema from the migrations; do not edit.

ROLE distributor_app LOGIN NOINHERIT

ROLE distributor_owner NOLOGIN NOINHERIT

ROLE distributor_readonly NOLOGIN NOINHERIT

ROLE distributor_system LOGIN NOINHERIT

TABLE api_keys -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50)
  name character varying(100) NOT NULL
  prefix character varying(16) NOT NULL
  key_hash bytea NOT NULL
  scopes text[] NOT NULL
  rate_limit_requests integer
  created_at timestamp with time zone NOT NULL DEFAULT now()
  created_by character varying(200) NOT NULL
  expires_at timestamp with time zone
  last_used_at timestamp with time zone
  revoked_at timestamp with time zone
  CONSTRAINT api_keys_pkey PRIMARY KEY (id)
  CONSTRAINT api_keys_rate_limit_requests_check CHECK ((rate_limit_requests > 0))
  CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CREATE INDEX idx_api_keys_prefix ON public.api_keys USING btree (prefix)
  CREATE INDEX idx_api_keys_tenant ON public.api_keys USING btree (tenant_id)
  POLICY api_keys_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY api_keys_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY api_keys_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT INSERT, SELECT, UPDATE TO distributor_system

TABLE attempt_logs -- OWNER distributor_owner, PARTITION BY RANGE (distribution_job_id), ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  distribution_job_id uuid NOT NULL
  attempt_id uuid NOT NULL
  line_number smallint NOT NULL
  level character varying(10) NOT NULL
  message text NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT attempt_logs_level_check CHECK (((level)::text = ANY ((ARRAY['info'::character varying, 'warn'::character varying, 'error'::character varying])::text[])))
  CONSTRAINT attempt_logs_pkey PRIMARY KEY (distribution_job_id, attempt_id, line_number)
  POLICY attempt_logs_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY attempt_logs_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY attempt_logs_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly

TABLE audit_log -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50)
  actor character varying(200) NOT NULL
  action character varying(50) NOT NULL
  resource_type character varying(50) NOT NULL
  resource_id character varying(100) NOT NULL
  details jsonb NOT NULL DEFAULT '{}'::jsonb
  request_id character varying(100)
  created_at timestamp with time zone NOT NULL DEFAULT now()
  sequence bigint NOT NULL
  previous_hash bytea
  hash bytea NOT NULL
  CONSTRAINT audit_log_pkey PRIMARY KEY (id)
  CONSTRAINT uk_audit_log_sequence UNIQUE NULLS NOT DISTINCT (tenant_id, sequence)
  CREATE INDEX idx_audit_log_tenant_time ON public.audit_log USING btree (tenant_id, id)
  CREATE TRIGGER chain_audit_entry BEFORE INSERT ON public.audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit_entry()
  POLICY audit_log_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY audit_log_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY audit_log_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT INSERT, SELECT TO distributor_system

TABLE bulk_operations -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  kind character varying(20) NOT NULL
  status character varying(20) NOT NULL DEFAULT 'running'::character varying
  selection jsonb NOT NULL
  reason text
  rate_per_second integer NOT NULL
  position uuid
  next_due_at timestamp with time zone NOT NULL DEFAULT now()
  examined integer NOT NULL DEFAULT 0
  done integer NOT NULL DEFAULT 0
  skipped integer NOT NULL DEFAULT 0
  created_by character varying(200) NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT now()
  completed_at timestamp with time zone
  CONSTRAINT bulk_operations_kind_check CHECK (((kind)::text = ANY ((ARRAY['replay'::character varying, 'redrive'::character varying, 'discard'::character varying])::text[])))
  CONSTRAINT bulk_operations_pkey PRIMARY KEY (tenant_id, id)
  CONSTRAINT bulk_operations_rate_per_second_check CHECK ((rate_per_second > 0))
  CONSTRAINT bulk_operations_status_check CHECK (((status)::text = ANY ((ARRAY['running'::character varying, 'completed'::character varying, 'cancelled'::character varying])::text[])))
  CREATE INDEX idx_bulk_operations_completed ON public.bulk_operations USING btree (completed_at) WHERE (completed_at IS NOT NULL)
  CREATE INDEX idx_bulk_operations_running ON public.bulk_operations USING btree (id) WHERE ((status)::text = 'running'::text)
  POLICY bulk_operations_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY bulk_operations_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY bulk_operations_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT TO distributor_system

TABLE configuration_revisions -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50)
  kind character varying(20) NOT NULL
  revision bigint NOT NULL
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT configuration_revisions_kind_check CHECK (((kind)::text = ANY ((ARRAY['rules'::character varying, 'data_types'::character varying])::text[])))
  CONSTRAINT configuration_revisions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CONSTRAINT uk_configuration_revisions UNIQUE NULLS NOT DISTINCT (tenant_id, kind)
  POLICY configuration_revisions_delete FOR DELETE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY configuration_revisions_insert FOR INSERT TO distributor_app USING (-) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  POLICY configuration_revisions_read FOR SELECT TO distributor_app USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY configuration_revisions_report FOR SELECT TO distributor_readonly USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY configuration_revisions_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY configuration_revisions_update FOR UPDATE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT INSERT, SELECT, UPDATE TO distributor_system

TABLE configuration_versions -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50)
  kind character varying(20) NOT NULL
  resource_id character varying(100) NOT NULL
  version integer NOT NULL
  content jsonb NOT NULL
  changed_by character varying(200) NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT configuration_versions_kind_check CHECK (((kind)::text = ANY ((ARRAY['rule'::character varying, 'data_type'::character varying])::text[])))
  CONSTRAINT configuration_versions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CONSTRAINT uk_configuration_versions UNIQUE NULLS NOT DISTINCT (tenant_id, kind, resource_id, version)
  POLICY configuration_versions_delete FOR DELETE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY configuration_versions_insert FOR INSERT TO distributor_app USING (-) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  POLICY configuration_versions_read FOR SELECT TO distributor_app USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY configuration_versions_report FOR SELECT TO distributor_readonly USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY configuration_versions_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY configuration_versions_update FOR UPDATE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT INSERT, SELECT TO distributor_system

TABLE data_types -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id character varying(50) NOT NULL
  tenant_id character varying(50)
  name character varying(100) NOT NULL
  description text
  schema_definition jsonb
  validation_rules jsonb NOT NULL DEFAULT '{}'::jsonb
  version integer NOT NULL DEFAULT 1
  created_at timestamp with time zone NOT NULL DEFAULT now()
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT data_types_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CONSTRAINT uk_data_types_id UNIQUE NULLS NOT DISTINCT (tenant_id, id)
  CREATE INDEX idx_data_types_name ON public.data_types USING btree (name)
  POLICY data_types_delete FOR DELETE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY data_types_insert FOR INSERT TO distributor_app USING (-) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  POLICY data_types_read FOR SELECT TO distributor_app USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY data_types_report FOR SELECT TO distributor_readonly USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY data_types_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY data_types_update FOR UPDATE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_system

TABLE dead_letters -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  distribution_job_id uuid NOT NULL
  distribution_id character varying(100) NOT NULL
  delivery_id uuid NOT NULL
  attempt_id uuid NOT NULL
  destination_id uuid
  destination_name character varying(100) NOT NULL
  data_type character varying(50) NOT NULL
  error_code character varying(50) NOT NULL
  error_message text NOT NULL
  attempts integer NOT NULL
  status character varying(20) NOT NULL DEFAULT 'dead'::character varying
  reason text
  resolved_by character varying(200)
  resolved_at timestamp with time zone
  died_at timestamp with time zone NOT NULL DEFAULT now()
  expires_at timestamp with time zone NOT NULL
  CONSTRAINT dead_letters_pkey PRIMARY KEY (tenant_id, id)
  CONSTRAINT dead_letters_status_check CHECK (((status)::text = ANY ((ARRAY['dead'::character varying, 'redriven'::character varying, 'discarded'::character varying])::text[])))
  CREATE INDEX idx_dead_letters_dead ON public.dead_letters USING btree (status, tenant_id, id) WHERE ((status)::text = 'dead'::text)
  CREATE INDEX idx_dead_letters_delivery ON public.dead_letters USING btree (delivery_id, id DESC)
  CREATE INDEX idx_dead_letters_expires ON public.dead_letters USING btree (expires_at)
  POLICY dead_letters_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY dead_letters_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY dead_letters_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT TO distributor_system

TABLE destination_configs -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  destination_id uuid NOT NULL
  version integer NOT NULL
  description text
  protocol character varying(20) NOT NULL
  status character varying(20) NOT NULL
  configuration jsonb NOT NULL
  transform_config jsonb NOT NULL
  health_check_config jsonb NOT NULL
  tags text[] NOT NULL
  changed_by character varying(200) NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT destination_configs_pkey PRIMARY KEY (tenant_id, destination_id, version)
  CONSTRAINT destination_configs_tenant_id_destination_id_fkey FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations(tenant_id, id) ON DELETE CASCADE
  POLICY destination_configs_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY destination_configs_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY destination_configs_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_system

VIEW destination_health -- OWNER distributor_system, WITH (security_barrier=true)
  destination_id uuid
  tenant_id character varying(50)
  name character varying(100)
  protocol character varying(20)
  health_status character varying(20)
  last_health_check timestamp with time zone
  total_attempts_last_24h bigint
  successful_attempts_last_24h bigint
  failed_attempts_last_24h bigint
  success_rate_last_24h numeric
  avg_response_time_seconds numeric
  GRANT SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  AS SELECT destination_id, tenant_id, name, protocol, health_status, last_health_check, total_attempts_last_24h, successful_attempts_last_24h, failed_attempts_last_24h, success_rate_last_24h, avg_response_time_seconds FROM destination_health_mv WHERE ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text));

TABLE destination_health_checks -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  destination_id uuid NOT NULL
  status character varying(20) NOT NULL
  latency_ms integer NOT NULL
  error_code character varying(50)
  message text NOT NULL
  checked_at timestamp with time zone NOT NULL DEFAULT now()
  source character varying(20) NOT NULL DEFAULT 'check'::character varying
  CONSTRAINT destination_health_checks_pkey PRIMARY KEY (tenant_id, id)
  CONSTRAINT destination_health_checks_source_check CHECK (((source)::text = ANY ((ARRAY['check'::character varying, 'delivery'::character varying])::text[])))
  CONSTRAINT destination_health_checks_status_check CHECK (((status)::text = ANY ((ARRAY['healthy'::character varying, 'unhealthy'::character varying])::text[])))
  CONSTRAINT destination_health_checks_tenant_id_destination_id_fkey FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations(tenant_id, id) ON DELETE CASCADE
  CREATE INDEX idx_destination_health_checks_checked_at ON public.destination_health_checks USING btree (checked_at)
  CREATE INDEX idx_destination_health_checks_destination ON public.destination_health_checks USING btree (tenant_id, destination_id, id)
  POLICY destination_health_checks_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY destination_health_checks_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY destination_health_checks_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, INSERT, SELECT TO distributor_system

MATERIALIZED VIEW destination_health_mv -- OWNER distributor_system
  destination_id uuid
  tenant_id character varying(50)
  name character varying(100)
  protocol character varying(20)
  health_status character varying(20)
  last_health_check timestamp with time zone
  total_attempts_last_24h bigint
  successful_attempts_last_24h bigint
  failed_attempts_last_24h bigint
  success_rate_last_24h numeric
  avg_response_time_seconds numeric
  CREATE UNIQUE INDEX uk_destination_health_mv ON public.destination_health_mv USING btree (destination_id)
  AS SELECT d.id AS destination_id, d.tenant_id, d.name, d.protocol, d.health_status, d.last_health_check, count(a.id) AS total_attempts_last_24h, count(*) FILTER (WHERE ((a.status)::text = 'success'::text)) AS successful_attempts_last_24h, count(*) FILTER (WHERE ((a.status)::text = ANY ((ARRAY['failed'::character varying, 'retry'::character varying])::text[]))) AS failed_attempts_last_24h, round((((count(*) FILTER (WHERE ((a.status)::text = 'success'::text)))::numeric / (NULLIF(count(a.id), 0))::numeric) * (100)::numeric), 2) AS success_rate_last_24h, avg(EXTRACT(epoch FROM (a.completed_at - a.started_at))) AS avg_response_time_seconds FROM (destinations d LEFT JOIN distribution_attempts a ON ((((a.tenant_id)::text = (d.tenant_id)::text) AND (a.destination_id = d.id) AND (a.started_at >= (CURRENT_TIMESTAMP - '24:00:00'::interval)) AND (a.distribution_job_id >= first_uuid_of_month((CURRENT_TIMESTAMP - '1 mon'::interval)))))) WHERE (d.deleted_at IS NULL) GROUP BY d.id;

TABLE destination_health_states -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  destination_id uuid NOT NULL
  due_at timestamp with time zone NOT NULL
  failures integer NOT NULL DEFAULT 0
  successes integer NOT NULL DEFAULT 0
  since timestamp with time zone
  error_code character varying(50)
  message text
  CONSTRAINT destination_health_states_pkey PRIMARY KEY (tenant_id, destination_id)
  CONSTRAINT destination_health_states_tenant_id_destination_id_fkey FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations(tenant_id, id) ON DELETE CASCADE
  CREATE INDEX idx_destination_health_states_due ON public.destination_health_states USING btree (due_at)
  POLICY destination_health_states_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY destination_health_states_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY destination_health_states_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT INSERT, SELECT, UPDATE TO distributor_system

TABLE destination_types -- OWNER distributor_owner
  id character varying(20) NOT NULL
  name character varying(50) NOT NULL
  description text
  protocol character varying(20) NOT NULL
  config_schema jsonb
  created_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT destination_types_pkey PRIMARY KEY (id)
  CONSTRAINT destination_types_protocol_check CHECK (((protocol)::text = ANY ((ARRAY['REST'::character varying, 'AMQP'::character varying, 'JDBC'::character varying, 'S3'::character varying, 'SFTP'::character varying, 'EMAIL'::character varying])::text[])))
  GRANT SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT INSERT, SELECT, UPDATE TO distributor_system

TABLE destinations -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  name character varying(100) NOT NULL
  description text
  protocol character varying(20) NOT NULL
  status character varying(20) NOT NULL DEFAULT 'active'::character varying
  status_reason text
  configuration jsonb NOT NULL DEFAULT '{}'::jsonb
  transform_config jsonb NOT NULL DEFAULT '{}'::jsonb
  health_check_config jsonb NOT NULL DEFAULT '{}'::jsonb
  tags text[] NOT NULL DEFAULT '{}'::text[]
  version integer NOT NULL DEFAULT 1
  created_at timestamp with time zone NOT NULL DEFAULT now()
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  deleted_at timestamp with time zone
  last_used timestamp with time zone
  usage_count bigint NOT NULL DEFAULT 0
  health_status character varying(20) NOT NULL DEFAULT 'unknown'::character varying
  last_health_check timestamp with time zone
  CONSTRAINT chk_destinations_name_format CHECK (((name)::text ~ '^[a-zA-Z0-9_-]+$'::text))
  CONSTRAINT chk_destinations_valid_config CHECK ((jsonb_typeof(configuration) = 'object'::text))
  CONSTRAINT destinations_health_status_check CHECK (((health_status)::text = ANY ((ARRAY['healthy'::character varying, 'unhealthy'::character varying, 'unknown'::character varying])::text[])))
  CONSTRAINT destinations_pkey PRIMARY KEY (id)
  CONSTRAINT destinations_protocol_check CHECK (((protocol)::text = ANY ((ARRAY['REST'::character varying, 'AMQP'::character varying, 'JDBC'::character varying, 'S3'::character varying, 'SFTP'::character varying, 'EMAIL'::character varying])::text[])))
  CONSTRAINT destinations_status_check CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'inactive'::character varying, 'maintenance'::character varying, 'deprecated'::character varying])::text[])))
  CONSTRAINT destinations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CONSTRAINT uk_destinations_tenant_id UNIQUE (tenant_id, id)
  CREATE UNIQUE INDEX uk_destinations_name ON public.destinations USING btree (tenant_id, name) WHERE (deleted_at IS NULL)
  POLICY destinations_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY destinations_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY destinations_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT, UPDATE TO distributor_system

TABLE distribution_attempts -- OWNER distributor_owner, PARTITION BY RANGE (distribution_job_id), ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  distribution_job_id uuid NOT NULL
  delivery_id uuid NOT NULL
  destination_id uuid
  destination_name character varying(100) NOT NULL
  attempt_number integer NOT NULL
  status character varying(20) NOT NULL DEFAULT 'pending'::character varying
  started_at timestamp with time zone
  completed_at timestamp with time zone
  response_status_code integer
  response_body text
  error_code character varying(50)
  error_message text
  retry_reason character varying(100)
  next_attempt_at timestamp with time zone
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb
  CONSTRAINT chk_distribution_attempts_attempt_number CHECK ((attempt_number > 0))
  CONSTRAINT chk_distribution_attempts_valid_dates CHECK (((completed_at IS NULL) OR (completed_at >= started_at)))
  CONSTRAINT distribution_attempts_pkey PRIMARY KEY (distribution_job_id, id)
  CONSTRAINT distribution_attempts_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'processing'::character varying, 'success'::character varying, 'failed'::character varying, 'retry'::character varying, 'cancelled'::character varying])::text[])))
  CONSTRAINT uk_distribution_attempts_unique_attempt UNIQUE (distribution_job_id, destination_name, attempt_number)
  POLICY distribution_attempts_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY distribution_attempts_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY distribution_attempts_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT SELECT TO distributor_system

TABLE distribution_batches -- OWNER distributor_owner, WITH (fillfactor=70), ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  status character varying(20) NOT NULL DEFAULT 'processing'::character varying
  total_distributions integer NOT NULL
  accepted_distributions integer NOT NULL
  open_distributions integer NOT NULL
  failed_distributions integer NOT NULL DEFAULT 0
  cancelled_distributions integer NOT NULL DEFAULT 0
  callback_url text
  created_at timestamp with time zone NOT NULL DEFAULT now()
  completed_at timestamp with time zone
  CONSTRAINT distribution_batches_pkey PRIMARY KEY (tenant_id, id)
  CONSTRAINT distribution_batches_status_check CHECK (((status)::text = ANY ((ARRAY['processing'::character varying, 'completed'::character varying])::text[])))
  POLICY distribution_batches_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY distribution_batches_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY distribution_batches_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT TO distributor_system

TABLE distribution_callbacks -- OWNER distributor_owner, WITH (fillfactor=70), ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  distribution_job_id uuid
  attempt_id uuid
  batch_id uuid
  event_type character varying(50) NOT NULL
  callback_url text
  status character varying(20) NOT NULL DEFAULT 'pending'::character varying
  attempts integer NOT NULL DEFAULT 0
  due_at timestamp with time zone NOT NULL DEFAULT now()
  leased_by uuid
  fence integer NOT NULL DEFAULT 0
  response_status_code integer
  response_body text
  error_code character varying(50)
  error_message text
  history jsonb NOT NULL DEFAULT '[]'::jsonb
  created_at timestamp with time zone NOT NULL DEFAULT now()
  completed_at timestamp with time zone
  round_start integer NOT NULL DEFAULT 0
  channel character varying(20) NOT NULL DEFAULT 'webhook'::character varying
  CONSTRAINT chk_distribution_callbacks_channel CHECK (((((channel)::text = 'webhook'::text) AND (callback_url IS NOT NULL)) OR (((channel)::text = 'events'::text) AND (callback_url IS NULL))))
  CONSTRAINT chk_distribution_callbacks_subject CHECK ((num_nonnulls(distribution_job_id, batch_id) = 1))
  CONSTRAINT distribution_callbacks_pkey PRIMARY KEY (id)
  CONSTRAINT distribution_callbacks_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'delivered'::character varying, 'failed'::character varying])::text[])))
  CREATE INDEX idx_distribution_callbacks_batch ON public.distribution_callbacks USING btree (batch_id, tenant_id) WHERE (batch_id IS NOT NULL)
  CREATE INDEX idx_distribution_callbacks_due ON public.distribution_callbacks USING btree (channel, due_at) WHERE ((status)::text = 'pending'::text)
  CREATE INDEX idx_distribution_callbacks_job ON public.distribution_callbacks USING btree (tenant_id, distribution_job_id)
  POLICY distribution_callbacks_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY distribution_callbacks_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY distribution_callbacks_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT, UPDATE TO distributor_system

TABLE distribution_job_events -- OWNER distributor_owner, PARTITION BY RANGE (distribution_job_id), ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  distribution_job_id uuid NOT NULL
  id bigint NOT NULL DEFAULT nextval('distribution_job_events_id_seq'::regclass)
  from_status character varying(20) NOT NULL
  to_status character varying(20) NOT NULL
  actor character varying(200) NOT NULL
  reason text NOT NULL
  occurred_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  CONSTRAINT distribution_job_events_pkey PRIMARY KEY (distribution_job_id, id)
  CREATE INDEX idx_distribution_job_events_status ON public.distribution_job_events USING btree (to_status, tenant_id, distribution_job_id DESC)
  POLICY distribution_job_events_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY distribution_job_events_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY distribution_job_events_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly

TABLE distribution_jobs -- OWNER distributor_owner, PARTITION BY RANGE (id), ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  distribution_id character varying(100) NOT NULL
  status character varying(20) NOT NULL DEFAULT 'pending'::character varying
  priority character varying(10) NOT NULL DEFAULT 'normal'::character varying
  data_type character varying(50) NOT NULL
  payload jsonb NOT NULL STORAGE e
  destinations jsonb NOT NULL
  callback_url text
  created_at timestamp with time zone NOT NULL DEFAULT now()
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  started_at timestamp with time zone
  completed_at timestamp with time zone
  deliver_at timestamp with time zone
  expires_at timestamp with time zone
  retry_count integer NOT NULL DEFAULT 0
  max_retries integer NOT NULL DEFAULT 3
  error_code character varying(50)
  error_message text
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb STORAGE e
  options jsonb NOT NULL DEFAULT '{}'::jsonb
  callback jsonb
  plan jsonb NOT NULL DEFAULT '{}'::jsonb
  idempotency_key character varying(100)
  correlation_id character varying(100) NOT NULL
  batch_id uuid
  submitted_by character varying(200) NOT NULL
  open_deliveries integer NOT NULL
  failed_deliveries integer NOT NULL DEFAULT 0
  cancel_requested_at timestamp with time zone
  CONSTRAINT chk_distribution_jobs_expires_future CHECK (((expires_at IS NULL) OR (expires_at > created_at)))
  CONSTRAINT chk_distribution_jobs_valid_dates CHECK (((completed_at IS NULL) OR (completed_at >= created_at)))
  CONSTRAINT distribution_jobs_open_deliveries_check CHECK ((open_deliveries >= 0))
  CONSTRAINT distribution_jobs_pkey PRIMARY KEY (id)
  CONSTRAINT distribution_jobs_priority_check CHECK (((priority)::text = ANY ((ARRAY['low'::character varying, 'normal'::character varying, 'high'::character varying, 'critical'::character varying])::text[])))
  CONSTRAINT distribution_jobs_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'processing'::character varying, 'completed'::character varying, 'failed'::character varying, 'cancelled'::character varying])::text[])))
  CONSTRAINT uk_distribution_jobs_tenant_id UNIQUE (tenant_id, id)
  CREATE INDEX idx_distribution_jobs_batch ON public.distribution_jobs USING btree (batch_id, tenant_id) WHERE (batch_id IS NOT NULL)
  CREATE INDEX idx_distribution_jobs_data_type ON public.distribution_jobs USING btree (data_type, tenant_id, id DESC)
  POLICY distribution_jobs_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY distribution_jobs_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY distribution_jobs_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT SELECT TO distributor_system

TABLE distribution_keys -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  distribution_id character varying(100) NOT NULL
  distribution_job_id uuid NOT NULL
  request_hash bytea
  CONSTRAINT distribution_keys_pkey PRIMARY KEY (tenant_id, distribution_id)
  POLICY distribution_keys_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY distribution_keys_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY distribution_keys_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT TO distributor_system

TABLE distribution_rules -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  name character varying(100) NOT NULL
  description text
  rule_type character varying(30) NOT NULL
  conditions jsonb NOT NULL DEFAULT '{}'::jsonb
  actions jsonb NOT NULL DEFAULT '{}'::jsonb
  priority integer NOT NULL DEFAULT 0
  enabled boolean NOT NULL DEFAULT true
  version integer NOT NULL DEFAULT 1
  revision bigint NOT NULL
  tenant_id character varying(50)
  created_at timestamp with time zone NOT NULL DEFAULT now()
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  deleted_at timestamp with time zone
  CONSTRAINT chk_distribution_rules_valid_actions CHECK ((jsonb_typeof(actions) = 'object'::text))
  CONSTRAINT chk_distribution_rules_valid_conditions CHECK ((jsonb_typeof(conditions) = 'object'::text))
  CONSTRAINT distribution_rules_pkey PRIMARY KEY (id)
  CONSTRAINT distribution_rules_rule_type_check CHECK (((rule_type)::text = ANY ((ARRAY['routing'::character varying, 'transformation'::character varying, 'filtering'::character varying, 'prioritization'::character varying])::text[])))
  CONSTRAINT distribution_rules_rule_type_fkey FOREIGN KEY (rule_type) REFERENCES rule_types(id)
  CONSTRAINT distribution_rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CREATE INDEX idx_distribution_rules_revision ON public.distribution_rules USING btree (tenant_id, revision)
  CREATE UNIQUE INDEX uk_distribution_rules_name ON public.distribution_rules USING btree (tenant_id, name) NULLS NOT DISTINCT WHERE (deleted_at IS NULL)
  POLICY distribution_rules_delete FOR DELETE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY distribution_rules_insert FOR INSERT TO distributor_app USING (-) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  POLICY distribution_rules_read FOR SELECT TO distributor_app USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY distribution_rules_report FOR SELECT TO distributor_readonly USING (((tenant_id IS NULL) OR ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))) WITH CHECK (-)
  POLICY distribution_rules_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY distribution_rules_update FOR UPDATE TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_system

VIEW distribution_summary -- OWNER distributor_system, WITH (security_barrier=true)
  hour_bucket timestamp with time zone
  tenant_id character varying(50)
  data_type character varying(50)
  status character varying(20)
  total_distributions bigint
  completed_distributions bigint
  failed_distributions bigint
  avg_completion_time_seconds numeric
  total_retries bigint
  GRANT SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  AS SELECT hour_bucket, tenant_id, data_type, status, total_distributions, completed_distributions, failed_distributions, avg_completion_time_seconds, total_retries FROM distribution_summary_mv WHERE ((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text));

MATERIALIZED VIEW distribution_summary_mv -- OWNER distributor_system
  hour_bucket timestamp with time zone
  tenant_id character varying(50)
  data_type character varying(50)
  status character varying(20)
  total_distributions bigint
  completed_distributions bigint
  failed_distributions bigint
  avg_completion_time_seconds numeric
  total_retries bigint
  CREATE UNIQUE INDEX uk_distribution_summary_mv ON public.distribution_summary_mv USING btree (hour_bucket, tenant_id, data_type, status)
  AS SELECT date_trunc('hour'::text, created_at) AS hour_bucket, tenant_id, data_type, status, count(*) AS total_distributions, count(*) FILTER (WHERE ((status)::text = 'completed'::text)) AS completed_distributions, count(*) FILTER (WHERE ((status)::text = 'failed'::text)) AS failed_distributions, avg(EXTRACT(epoch FROM (completed_at - created_at))) AS avg_completion_time_seconds, sum(retry_count) AS total_retries FROM distribution_jobs WHERE (created_at >= (CURRENT_DATE - '30 days'::interval)) GROUP BY (date_trunc('hour'::text, created_at)), tenant_id, data_type, status;

TABLE erasures -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  subject_path text
  subject_value text
  subject_hash bytea
  dry_run boolean NOT NULL
  status character varying(20) NOT NULL DEFAULT 'running'::character varying
  position uuid
  examined integer NOT NULL DEFAULT 0
  unreadable integer NOT NULL DEFAULT 0
  waiting integer NOT NULL DEFAULT 0
  counts jsonb NOT NULL DEFAULT '{}'::jsonb
  created_by character varying(200) NOT NULL
  request_id character varying(100)
  created_at timestamp with time zone NOT NULL DEFAULT now()
  completed_at timestamp with time zone
  CONSTRAINT erasures_check CHECK (((subject_path IS NULL) = (subject_hash IS NULL)))
  CONSTRAINT erasures_check1 CHECK (((subject_value IS NOT NULL) = ((subject_path IS NOT NULL) AND ((status)::text = 'running'::text))))
  CONSTRAINT erasures_pkey PRIMARY KEY (tenant_id, id)
  CONSTRAINT erasures_status_check CHECK (((status)::text = ANY ((ARRAY['running'::character varying, 'completed'::character varying])::text[])))
  CREATE UNIQUE INDEX uk_erasures_running ON public.erasures USING btree (tenant_id) WHERE ((status)::text = 'running'::text)
  POLICY erasures_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY erasures_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY erasures_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT SELECT TO distributor_system

TABLE idempotency_keys -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  idempotency_key character varying(100) NOT NULL
  distribution_job_id uuid NOT NULL
  request_hash bytea NOT NULL
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, idempotency_key)
  POLICY idempotency_keys_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY idempotency_keys_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY idempotency_keys_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT TO distributor_system

TABLE lanes -- OWNER distributor_owner, WITH (fillfactor=70), ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  lane_id uuid NOT NULL
  destination_name character varying(100) NOT NULL
  owned_by uuid
  owned_until timestamp with time zone
  breaker character varying(20) NOT NULL DEFAULT 'closed'::character varying
  consecutive_failures integer NOT NULL DEFAULT 0
  opened_at timestamp with time zone
  probe_at timestamp with time zone
  paused_until timestamp with time zone
  reset_at timestamp with time zone
  CONSTRAINT lanes_breaker_check CHECK (((breaker)::text = ANY ((ARRAY['closed'::character varying, 'open'::character varying, 'half_open'::character varying, 'recovering'::character varying])::text[])))
  CONSTRAINT lanes_pkey PRIMARY KEY (tenant_id, lane_id)
  CONSTRAINT lanes_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  POLICY lanes_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY lanes_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY lanes_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_system

TABLE nodes -- OWNER distributor_owner
  id uuid NOT NULL
  role character varying(20) NOT NULL
  hostname character varying(255) NOT NULL
  pid integer NOT NULL
  version character varying(50) NOT NULL
  load jsonb NOT NULL DEFAULT '{}'::jsonb
  started_at timestamp with time zone NOT NULL DEFAULT now()
  heartbeat_at timestamp with time zone NOT NULL DEFAULT now()
  lost_after_seconds integer NOT NULL DEFAULT 15
  heard_since timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT nodes_pkey PRIMARY KEY (id)
  CONSTRAINT nodes_role_check CHECK (((role)::text = ANY ((ARRAY['api'::character varying, 'worker'::character varying, 'scheduler'::character varying, 'all'::character varying])::text[])))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_system

TABLE ordering_blocks -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  delivery_id uuid NOT NULL
  lane_id uuid NOT NULL
  ordering_key uuid NOT NULL
  ordering_seq bigint NOT NULL
  blocked_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT ordering_blocks_pkey PRIMARY KEY (tenant_id, delivery_id)
  CONSTRAINT ordering_blocks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CREATE INDEX idx_ordering_blocks_key ON public.ordering_blocks USING btree (lane_id, ordering_key, ordering_seq)
  POLICY ordering_blocks_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY ordering_blocks_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY ordering_blocks_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT TO distributor_system

TABLE platform_secrets -- OWNER distributor_owner
  name character varying(50) NOT NULL
  secret text NOT NULL
  CONSTRAINT platform_secrets_pkey PRIMARY KEY (name)
  GRANT INSERT, SELECT, UPDATE TO distributor_system

TABLE rate_limits -- OWNER distributor_owner, WITH (fillfactor=50), ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  bucket character varying(50) NOT NULL
  tokens double precision NOT NULL
  refilled_at timestamp with time zone NOT NULL
  CONSTRAINT rate_limits_pkey PRIMARY KEY (tenant_id, bucket)
  CONSTRAINT rate_limits_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  POLICY rate_limits_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY rate_limits_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY rate_limits_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT INSERT, SELECT, UPDATE TO distributor_system

TABLE ready_attempts -- OWNER distributor_owner, WITH (fillfactor=70, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=2000, autovacuum_analyze_scale_factor=0, autovacuum_analyze_threshold=20000), ROW LEVEL SECURITY, FORCED
  delivery_id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  distribution_job_id uuid NOT NULL
  attempt_id uuid NOT NULL
  attempt_number integer NOT NULL
  destination_name character varying(100) NOT NULL
  position smallint NOT NULL
  lane_id uuid NOT NULL
  priority smallint NOT NULL DEFAULT 2
  due_at timestamp with time zone NOT NULL
  expires_at timestamp with time zone
  leased_by uuid
  fence integer NOT NULL DEFAULT 0
  rank smallint NOT NULL DEFAULT 4
  round_start integer NOT NULL DEFAULT 0
  ordering_key uuid
  ordering_seq bigint
  CONSTRAINT ready_attempts_pkey PRIMARY KEY (delivery_id)
  CREATE INDEX idx_ready_attempts_expires ON public.ready_attempts USING btree (expires_at) WHERE (expires_at IS NOT NULL)
  CREATE INDEX idx_ready_attempts_lane ON public.ready_attempts USING btree (lane_id, rank, due_at)
  CREATE INDEX idx_ready_attempts_ordering ON public.ready_attempts USING btree (lane_id, ordering_key, ordering_seq) WHERE (ordering_key IS NOT NULL)
  POLICY ready_attempts_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY ready_attempts_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY ready_attempts_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT SELECT, UPDATE TO distributor_system

TABLE retry_policy_changes -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  tenant_id character varying(50) NOT NULL
  destination_id uuid NOT NULL
  changed_at timestamp with time zone NOT NULL DEFAULT now()
  due_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT retry_policy_changes_pkey PRIMARY KEY (tenant_id, destination_id)
  CONSTRAINT retry_policy_changes_tenant_id_destination_id_fkey FOREIGN KEY (tenant_id, destination_id) REFERENCES destinations(tenant_id, id) ON DELETE CASCADE
  POLICY retry_policy_changes_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY retry_policy_changes_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY retry_policy_changes_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT DELETE, SELECT, UPDATE TO distributor_system

TABLE rule_types -- OWNER distributor_owner
  id character varying(30) NOT NULL
  evaluation_order integer NOT NULL
  description text NOT NULL
  CONSTRAINT rule_types_evaluation_order_key UNIQUE (evaluation_order)
  CONSTRAINT rule_types_pkey PRIMARY KEY (id)
  GRANT SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT SELECT TO distributor_system

TABLE sign_in_failures -- OWNER distributor_owner
  subject bytea NOT NULL
  failures integer NOT NULL DEFAULT 0
  last_failure_at timestamp with time zone NOT NULL DEFAULT now()
  locked_until timestamp with time zone
  CONSTRAINT sign_in_failures_pkey PRIMARY KEY (subject)
  CREATE INDEX idx_sign_in_failures_time ON public.sign_in_failures USING btree (last_failure_at)
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_system

TABLE signing_secrets -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  secret text NOT NULL
  hint character varying(20) NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT now()
  expires_at timestamp with time zone
  revoked_at timestamp with time zone
  CONSTRAINT signing_secrets_pkey PRIMARY KEY (tenant_id, id)
  CONSTRAINT signing_secrets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  POLICY signing_secrets_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY signing_secrets_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY signing_secrets_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_system

TABLE sql_clients -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  login name NOT NULL
  tenant_id character varying(50) NOT NULL
  created_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT sql_clients_pkey PRIMARY KEY (login)
  POLICY sql_clients_login FOR SELECT TO distributor_owner, distributor_sql USING ((login = SESSION_USER)) WITH CHECK (-)
  POLICY sql_clients_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY sql_clients_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY sql_clients_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT SELECT TO distributor_sql
  GRANT SELECT TO distributor_system

TABLE sql_requests -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id bigint NOT NULL
  tenant_id character varying(50) NOT NULL
  login name NOT NULL
  action character varying(20) NOT NULL
  distribution_id character varying(100) NOT NULL
  content jsonb
  status character varying(20) NOT NULL DEFAULT 'pending'::character varying
  error_code character varying(50)
  error_details jsonb
  requested_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
  settled_at timestamp with time zone
  CONSTRAINT sql_requests_action_check CHECK (((action)::text = ANY ((ARRAY['submit'::character varying, 'cancel'::character varying])::text[])))
  CONSTRAINT sql_requests_check CHECK ((((status)::text = 'pending'::text) = (settled_at IS NULL)))
  CONSTRAINT sql_requests_check1 CHECK ((((status)::text = 'rejected'::text) = (error_code IS NOT NULL)))
  CONSTRAINT sql_requests_pkey PRIMARY KEY (tenant_id, id)
  CONSTRAINT sql_requests_status_check CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'accepted'::character varying, 'rejected'::character varying])::text[])))
  CREATE INDEX idx_sql_requests_login ON public.sql_requests USING btree (login, distribution_id)
  CREATE INDEX idx_sql_requests_pending ON public.sql_requests USING btree (tenant_id, id) WHERE ((status)::text = 'pending'::text)
  CREATE INDEX idx_sql_requests_settled ON public.sql_requests USING btree (settled_at) WHERE (settled_at IS NOT NULL)
  POLICY sql_requests_leave FOR INSERT TO distributor_owner USING (-) WITH CHECK (((login = SESSION_USER) AND (EXISTS ( SELECT
   FROM sql_clients c
  WHERE ((c.login = SESSION_USER) AND ((c.tenant_id)::text = (sql_requests.tenant_id)::text))))))
  POLICY sql_requests_login FOR SELECT TO distributor_sql USING (((login = SESSION_USER) AND (EXISTS ( SELECT
   FROM sql_clients c
  WHERE ((c.login = SESSION_USER) AND ((c.tenant_id)::text = (sql_requests.tenant_id)::text)))))) WITH CHECK (-)
  POLICY sql_requests_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY sql_requests_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY sql_requests_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, SELECT, UPDATE TO distributor_app
  GRANT DELETE, SELECT TO distributor_system

TABLE tenants -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id character varying(50) NOT NULL
  name character varying(100) NOT NULL
  description text
  status character varying(20) NOT NULL DEFAULT 'active'::character varying
  config jsonb NOT NULL DEFAULT '{}'::jsonb
  created_at timestamp with time zone NOT NULL DEFAULT now()
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  rate_limit_requests integer NOT NULL DEFAULT 1000
  rate_limit_window_seconds integer NOT NULL DEFAULT 60
  burst_limit integer NOT NULL DEFAULT 200
  erased_at timestamp with time zone
  CONSTRAINT tenants_burst_limit_check CHECK ((burst_limit > 0))
  CONSTRAINT tenants_id_check CHECK (((id)::text ~ '^[a-zA-Z0-9_-]+$'::text))
  CONSTRAINT tenants_pkey PRIMARY KEY (id)
  CONSTRAINT tenants_rate_limit_requests_check CHECK ((rate_limit_requests > 0))
  CONSTRAINT tenants_rate_limit_window_seconds_check CHECK ((rate_limit_window_seconds > 0))
  CONSTRAINT tenants_status_check CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'suspended'::character varying, 'inactive'::character varying])::text[])))
  CREATE INDEX idx_tenants_status ON public.tenants USING btree (status)
  POLICY tenants_report FOR SELECT TO distributor_readonly USING (((id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY tenants_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY tenants_tenant FOR ALL TO distributor_app USING (((id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT INSERT, SELECT, UPDATE TO distributor_system

TABLE transforms -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50) NOT NULL
  name character varying(100) NOT NULL
  engine character varying(20) NOT NULL
  spec jsonb NOT NULL
  input_format character varying(20) NOT NULL DEFAULT 'json'::character varying
  output_format character varying(20) NOT NULL DEFAULT 'json'::character varying
  output_schema jsonb
  version integer NOT NULL DEFAULT 1
  created_at timestamp with time zone NOT NULL DEFAULT now()
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT transforms_engine_check CHECK (((engine)::text = ANY ((ARRAY['field_mapping'::character varying, 'jsonata'::character varying, 'liquid'::character varying])::text[])))
  CONSTRAINT transforms_output_format_check CHECK (((output_format)::text = ANY ((ARRAY['json'::character varying, 'ndjson'::character varying, 'xml'::character varying, 'csv'::character varying, 'form'::character varying, 'text'::character varying, 'raw'::character varying])::text[])))
  CONSTRAINT transforms_pkey PRIMARY KEY (id)
  CONSTRAINT transforms_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CONSTRAINT uk_transforms_name UNIQUE (tenant_id, name)
  CONSTRAINT uk_transforms_tenant_id UNIQUE (tenant_id, id)
  POLICY transforms_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY transforms_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY transforms_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT SELECT TO distributor_readonly
  GRANT SELECT TO distributor_system

TABLE user_sessions -- OWNER distributor_owner
  id uuid NOT NULL
  user_id uuid NOT NULL
  token_hash bytea NOT NULL
  previous_hash bytea
  created_at timestamp with time zone NOT NULL DEFAULT now()
  rotated_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT user_sessions_pkey PRIMARY KEY (id)
  CONSTRAINT user_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE INDEX idx_user_sessions_rotated ON public.user_sessions USING btree (rotated_at)
  CREATE INDEX idx_user_sessions_user ON public.user_sessions USING btree (user_id)
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_system

TABLE users -- OWNER distributor_owner, ROW LEVEL SECURITY, FORCED
  id uuid NOT NULL
  tenant_id character varying(50)
  username character varying(100) NOT NULL
  email character varying(254)
  password_hash text NOT NULL
  role character varying(20) NOT NULL
  status character varying(20) NOT NULL DEFAULT 'active'::character varying
  sessions_valid_from timestamp with time zone NOT NULL DEFAULT now()
  created_at timestamp with time zone NOT NULL DEFAULT now()
  created_by character varying(200) NOT NULL
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  last_sign_in_at timestamp with time zone
  CONSTRAINT users_check CHECK ((((role)::text = 'platform_admin'::text) = (tenant_id IS NULL)))
  CONSTRAINT users_email_check CHECK (((email)::text = lower((email)::text)))
  CONSTRAINT users_pkey PRIMARY KEY (id)
  CONSTRAINT users_role_check CHECK (((role)::text = ANY ((ARRAY['viewer'::character varying, 'operator'::character varying, 'configurator'::character varying, 'tenant_admin'::character varying, 'platform_admin'::character varying])::text[])))
  CONSTRAINT users_status_check CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'disabled'::character varying])::text[])))
  CONSTRAINT users_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE
  CONSTRAINT users_username_check CHECK (((username)::text = lower((username)::text)))
  CREATE UNIQUE INDEX users_email_key ON public.users USING btree (tenant_id, email) NULLS NOT DISTINCT WHERE (email IS NOT NULL)
  CREATE UNIQUE INDEX users_username_key ON public.users USING btree (tenant_id, username) NULLS NOT DISTINCT
  POLICY users_report FOR SELECT TO distributor_readonly USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (-)
  POLICY users_system FOR ALL TO distributor_system USING (true) WITH CHECK (true)
  POLICY users_tenant FOR ALL TO distributor_app USING (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))) WITH CHECK (((tenant_id)::text = NULLIF(current_setting('app.tenant_id'::text, true), ''::text)))
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_app
  GRANT DELETE, INSERT, SELECT, UPDATE TO distributor_system

CREATE OR REPLACE FUNCTION public.analyze_young_tables() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'public', 'pg_temp' AS $function$ DECLARE young text; BEGIN FOR young IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relowner = current_user::regrole AND reltuples = -1 AND pg_relation_size(oid) > 65536 AND relname <> 'ready_attempts' LOOP EXECUTE format('ANALYZE %I', young); END LOOP; END $function$
  GRANT EXECUTE TO distributor_system

CREATE OR REPLACE FUNCTION public.audit_entry_hash(entry audit_log) RETURNS bytea LANGUAGE sql STABLE AS $function$ SELECT sha256(convert_to(jsonb_build_array( entry.sequence, encode(entry.previous_hash, 'hex'), entry.id, entry.tenant_id, entry.actor, entry.action, entry.resource_type, entry.resource_id, entry.details, entry.request_id, (extract(epoch FROM entry.created_at) * 1000000)::bigint)::text, 'UTF8')) $function$
  GRANT EXECUTE TO PUBLIC by default

CREATE OR REPLACE FUNCTION public.chain_audit_entry() RETURNS trigger LANGUAGE plpgsql SET search_path TO 'public', 'pg_temp' AS $function$ DECLARE before audit_log; BEGIN PERFORM pg_advisory_xact_lock(hashtext('audit_log'), hashtext(COALESCE(NEW.tenant_id, ''))); SELECT * INTO before FROM audit_log WHERE tenant_id IS NOT DISTINCT FROM NEW.tenant_id ORDER BY sequence DESC LIMIT 1; NEW.created_at := clock_timestamp(); NEW.sequence := COALESCE(before.sequence, 0) + 1; NEW.previous_hash := before.hash; NEW.hash := audit_entry_hash(NEW); RETURN NEW; END $function$
  GRANT EXECUTE TO PUBLIC by default

CREATE OR REPLACE FUNCTION public.create_month_partitions(moment timestamp with time zone, months integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'public', 'pg_temp' SET "TimeZone" TO 'UTC' AS $function$ DECLARE parent text; month timestamptz; part text; BEGIN PERFORM pg_advisory_xact_lock(hashtext('create_month_partitions')); FOR ahead IN 0 .. months - 1 LOOP month := date_trunc('month', moment) + make_interval(months => ahead); FOREACH parent IN ARRAY ARRAY['distribution_jobs', 'distribution_attempts', 'attempt_logs', 'distribution_job_events'] LOOP part := parent || to_char(month, '"_y"YYYY"m"MM'); CONTINUE WHEN to_regclass(part) IS NOT NULL; EXECUTE format( 'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)', part, parent, first_uuid_of_month(month), first_uuid_of_month(month + interval '1 month'), CASE WHEN parent IN ('distribution_jobs', 'distribution_attempts') THEN 50 ELSE 100 END); EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part); IF parent = 'distribution_attempts' THEN EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I FOREIGN KEY (tenant_id, distribution_job_id) REFERENCES %I (tenant_id, id) ON DELETE CASCADE', part, part || '_job_fkey', replace(part, 'distribution_attempts', 'distribution_jobs')); END IF; END LOOP; END LOOP; END $function$
  GRANT EXECUTE TO distributor_system

CREATE OR REPLACE FUNCTION public.drop_month_partitions(moment timestamp with time zone) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'public', 'pg_temp' SET "TimeZone" TO 'UTC' AS $function$ DECLARE parent text; part text; BEGIN FOREACH parent IN ARRAY ARRAY['attempt_logs', 'distribution_job_events', 'distribution_attempts', 'distribution_jobs'] LOOP part := parent || to_char(date_trunc('month', moment), '"_y"YYYY"m"MM'); CONTINUE WHEN to_regclass(part) IS NULL; EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, part); EXECUTE format('DROP TABLE %I', part); END LOOP; END $function$
  GRANT EXECUTE TO distributor_system

CREATE OR REPLACE FUNCTION public.first_uuid_of_month(moment timestamp with time zone) RETURNS uuid LANGUAGE sql IMMUTABLE AS $function$ SELECT (lpad(to_hex((extract(epoch FROM date_trunc('month', moment, 'UTC')) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid $function$
  GRANT EXECUTE TO PUBLIC by default

CREATE OR REPLACE FUNCTION public.lease_tokens(p_tenant_id character varying, p_key_id uuid, p_key_requests integer, p_returned integer, p_first integer, p_wanted integer, p_ahead integer, p_at timestamp with time zone DEFAULT clock_timestamp()) RETURNS TABLE(granted integer, tokens double precision, requests integer, window_seconds integer, capacity integer) LANGUAGE plpgsql SET search_path TO 'public', 'pg_temp' AS $function$ #variable_conflict use_column DECLARE v_bucket varchar := coalesce(p_key_id::text, 'submissions'); v_requests integer; v_window integer; v_capacity integer; v_tokens double precision; v_refilled_at timestamptz; v_granted integer; BEGIN IF p_key_id IS NULL THEN SELECT t.rate_limit_requests, t.rate_limit_window_seconds, t.burst_limit INTO v_requests, v_window, v_capacity FROM tenants t WHERE t.id = p_tenant_id; ELSE SELECT coalesce(k.rate_limit_requests, p_key_requests), 60, coalesce(k.rate_limit_requests, p_key_requests) INTO v_requests, v_window, v_capacity FROM api_keys k WHERE k.tenant_id = p_tenant_id AND k.id = p_key_id; END IF; IF NOT FOUND THEN RETURN; END IF; SELECT r.tokens, r.refilled_at INTO v_tokens, v_refilled_at FROM rate_limits r WHERE r.tenant_id = p_tenant_id AND r.bucket = v_bucket FOR UPDATE; IF NOT FOUND THEN INSERT INTO rate_limits (tenant_id, bucket, tokens, refilled_at) VALUES (p_tenant_id, v_bucket, v_capacity, p_at) ON CONFLICT (tenant_id, bucket) DO NOTHING; SELECT r.tokens, r.refilled_at INTO v_tokens, v_refilled_at FROM rate_limits r WHERE r.tenant_id = p_tenant_id AND r.bucket = v_bucket FOR UPDATE; END IF; v_tokens := least(v_capacity, v_tokens + p_returned + greatest(0, extract(epoch FROM p_at - v_refilled_at)::double precision) * v_requests / v_window); -- The last of many small refills may miss a whole token by a rounding. v_granted := greatest(0, least(p_wanted, floor(v_tokens + 1e-6))); IF v_granted < p_first THEN IF v_tokens + 1e-6 >= v_capacity AND p_first <= greatest(v_capacity, v_requests) THEN v_granted := p_first; ELSE -- It is refused; what is there is for those behind it, and not carried off for nobody. v_granted := least(v_granted, p_wanted - p_first); END IF; ELSIF v_granted = p_wanted THEN v_granted := v_granted + least(p_ahead, floor((v_tokens - v_granted + 1e-6) / 8)); END IF; v_tokens := v_tokens - v_granted; UPDATE rate_limits r SET tokens = v_tokens, refilled_at = greatest(v_refilled_at, p_at) WHERE r.tenant_id = p_tenant_id AND r.bucket = v_bucket; RETURN QUERY SELECT v_granted, v_tokens, v_requests, v_window, v_capacity; END $function$
  GRANT EXECUTE TO distributor_system

CREATE OR REPLACE PROCEDURE public.leave_sql_request(IN action character varying, IN distribution_id character varying, IN content jsonb) LANGUAGE plpgsql SET search_path TO 'pg_catalog', 'public', 'pg_temp' AS $procedure$ BEGIN IF length(distribution_id) > 100 THEN RAISE EXCEPTION 'p_distribution_id: must have at most 100 characters' USING ERRCODE = '22023'; END IF; INSERT INTO sql_requests (tenant_id, login, action, distribution_id, content) VALUES (tenant_of_login(), session_user, action, distribution_id, content); PERFORM pg_notify('distribution_queue', 'sql_requests'); END $procedure$
  GRANT EXECUTE TO PUBLIC by default

CREATE OR REPLACE PROCEDURE public.submit_distribution(IN p_tenant_id character varying, IN p_distribution_id character varying, IN p_data_type character varying, IN p_payload jsonb, IN p_destinations jsonb, IN p_priority character varying DEFAULT 'normal'::character varying, IN p_callback_url text DEFAULT NULL::text, IN p_max_retries integer DEFAULT 3, IN p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone) LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'pg_catalog', 'public', 'pg_temp' AS $procedure$ DECLARE tenant varchar := tenant_of_login(); named varchar := COALESCE(NULLIF(p_distribution_id, ''), gen_random_uuid()::text); options jsonb := jsonb_strip_nulls(jsonb_build_object( 'max_retries', p_max_retries, 'callback_url', p_callback_url, 'expires_at', CASE WHEN isfinite(p_expires_at) THEN to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END)); BEGIN IF p_tenant_id <> tenant THEN RAISE EXCEPTION 'p_tenant_id: the login "%" belongs to the tenant "%"', session_user, tenant USING ERRCODE = '42501', HINT = 'Name this tenant, or none (NULL).'; END IF; CALL leave_sql_request('submit', named, jsonb_build_object( 'distribution_id', named, 'data_type', p_data_type, 'payload', p_payload, 'destinations', COALESCE(NULLIF(p_destinations, 'null'), '[]'), 'priority', COALESCE(p_priority, 'normal'), 'options', options)); END $procedure$
  GRANT EXECUTE TO distributor_sql

CREATE OR REPLACE FUNCTION public.tenant_of_login() RETURNS character varying LANGUAGE plpgsql STABLE SET search_path TO 'pg_catalog', 'public', 'pg_temp' AS $function$ DECLARE tenant varchar; BEGIN SELECT c.tenant_id INTO tenant FROM sql_clients c WHERE c.login = session_user; IF tenant IS NULL THEN RAISE EXCEPTION 'the login "%" is not a client of Distributor', session_user USING ERRCODE = '42501', HINT = 'An administrator makes it one: npm run sql-client -- create <login> --tenant <tenant>'; END IF; RETURN tenant; END $function$
  GRANT EXECUTE TO PUBLIC by default

CREATE OR REPLACE PROCEDURE public.update_distribution_status(IN p_distribution_id character varying, IN p_new_status character varying, IN p_error_message text DEFAULT NULL::text) LANGUAGE plpgsql SECURITY DEFINER SET search_path TO 'pg_catalog', 'public', 'pg_temp' AS $procedure$ BEGIN IF p_new_status IS DISTINCT FROM 'cancelled' THEN RAISE EXCEPTION 'p_new_status: must be cancelled; every other status is what deliveries make of it' USING ERRCODE = '22023'; END IF; IF COALESCE(p_distribution_id, '') = '' THEN RAISE EXCEPTION 'p_distribution_id: is required' USING ERRCODE = '22023'; END IF; CALL leave_sql_request('cancel', p_distribution_id, jsonb_build_object('reason', left(p_error_message, 1000))); END $procedure$
  GRANT EXECUTE TO distributor_sql
