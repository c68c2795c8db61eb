/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify: tells the service manager how things stand (the sd_notify protocol). Without
 * NOTIFY_SOCKET in the environment nothing happens. Never waits.
 */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
