# Packages everything needs, and LibTorch in the three forms users have it.

find_package(Boost REQUIRED COMPONENTS program_options)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)

if(DENSESHIFT_WITH_TORCH)
  include(DenseshiftTorch)
  include(DenseshiftTorchTarget)
endif()
