module on_g0

go 1.16
