-- compatible from: 0057 (older versions do no harm by not knowing it)
-- A scan that changes no indexed column is written into its page: new pages keep room for it.
{{postgres: ALTER TABLE shipments SET (fillfactor = 80);}}
