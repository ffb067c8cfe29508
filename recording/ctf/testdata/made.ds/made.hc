standard nasion coil position relative to dewar (cm):
	x = 9.000000
	y = 0.500000
	z = 0.000000
standard left ear coil position relative to dewar (cm):
	x = 0.000000
	y = 7.000000
	z = 0.000000
standard right ear coil position relative to dewar (cm):
	x = 0.200000
	y = -7.000000
	z = 0.000000
measured nasion coil position relative to dewar (cm):
	x = 3.082516
	y = -1.678537
	z = 21.305647
measured left ear coil position relative to dewar (cm):
	x = -3.461533
	y = 7.014089
	z = 19.100271
measured right ear coil position relative to dewar (cm):
	x = -7.329087
	y = -6.430881
	z = 19.661339
measured nasion coil position relative to head (cm):
	x = 9.000000
	y = 0.500000
	z = 0.000000
measured left ear coil position relative to head (cm):
	x = 0.000000
	y = 7.000000
	z = 0.000000
measured right ear coil position relative to head (cm):
	x = 0.200000
	y = -7.000000
	z = 0.000000
