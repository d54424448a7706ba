-- Answered from the index alone; $1 urls
SELECT d.url FROM :table AS d WHERE d.url = ANY($1::text[])
