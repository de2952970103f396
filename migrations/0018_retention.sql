-- Personal data is scrubbed from what has ended: the figures stay.

-- when its personal data was removed
ALTER TABLE orders ADD COLUMN scrubbed_at BIGINT;
CREATE INDEX orders_unscrubbed ON orders (ended_at, id) WHERE state <> 'open' AND scrubbed_at IS NULL;

-- when its bytes were removed: with its order, or after its time where it never became one
ALTER TABLE inbox ADD COLUMN scrubbed_at BIGINT;
CREATE INDEX inbox_unscrubbed ON inbox (received_at, id) WHERE scrubbed_at IS NULL;

-- the order that a delivery tells of
ALTER TABLE webhook_delivery ADD COLUMN order_id BIGINT;
CREATE INDEX webhook_delivery_order ON webhook_delivery (order_id) WHERE order_id IS NOT NULL;

CREATE INDEX order_draft_updated ON order_draft (updated_at);
CREATE INDEX import_run_created ON import_run (created_at);
CREATE INDEX customer_updated ON customer (updated_at);

-- Each run of the job, with what it did: it is told while it runs.
CREATE TABLE retention_run (
  id {id},
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  days BIGINT NOT NULL,
  order_count BIGINT NOT NULL,
  payload_count BIGINT NOT NULL,
  draft_count BIGINT NOT NULL,
  reject_count BIGINT NOT NULL,
  customer_count BIGINT NOT NULL,
  -- switched off before it was through
  stopped BOOLEAN NOT NULL
);
CREATE INDEX retention_run_open ON retention_run (id) WHERE ended_at IS NULL;
