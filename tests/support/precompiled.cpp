// Nothing: carries the headers that tests share, compiled once (tests/CMakeLists.txt).
int main() { return 0; }
