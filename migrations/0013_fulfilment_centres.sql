-- Locations that are somebody else's warehouse (reference 2.7, 4.3, 14.5).

ALTER TABLE location ADD COLUMN fulfilment_centre BOOLEAN NOT NULL DEFAULT FALSE;
-- orders at the centre count against stock until it has acknowledged them; false: its feed is net of them
ALTER TABLE location ADD COLUMN count_until_acknowledged BOOLEAN NOT NULL DEFAULT FALSE;
-- its feed doesn't take shipped units off: processing does, and orders count until then
ALTER TABLE location ADD COLUMN deduct_when_processed BOOLEAN NOT NULL DEFAULT FALSE;

-- held: with the centre; released: the centre has cancelled it, and it may be moved away
ALTER TABLE orders ADD COLUMN centre TEXT NOT NULL DEFAULT 'none'
  CONSTRAINT orders_centre CHECK (centre IN ('none', 'held', 'released'));
