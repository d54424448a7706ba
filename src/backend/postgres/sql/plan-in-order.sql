-- A page of many: what sorts would read all the pages each time.
SELECT set_config('enable_sort', 'off', true), set_config('jit', 'off', true)
