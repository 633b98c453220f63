"""A server that refuses who connects, and resets the connection, since it did not read all that was sent. Prints its port."""
import socket
import time

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.sendall(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"auth_required":true}\r\n')
    connection.recv(8)
    time.sleep(0.02)
    connection.sendall(b"-ERR 'Authorization Violation'\r\n")
    connection.close()
