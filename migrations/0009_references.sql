-- Files that name orders by their reference alone: tracking numbers, orders to process.

CREATE INDEX orders_reference ON orders (reference);
